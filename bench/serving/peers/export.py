"""Build what the peers serve, and answer the texts with it, one at a time.

.venv/peers/bin/python -m bench.serving.peers.export DIR --known known.json --out OUT

Writes OUT/student.onnx (fp32), OUT/student-int8.onnx (ONNX Runtime's dynamic
quantization, per channel) and OUT/answers.json: each peer's own unbatched answers,
to which its answers under load are held, and how far each export is from the build.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.serving.known import Known, read_known, step
from bench.serving.peers.classifiers import onnx_classifier, torch_classifier
from bench.serving.peers.torch_models import load_student
from manifest import read_manifest

TOLERANCE = 1e-4  # of a probability: the same weights in another library


class ExportError(ValueError):
    """An export that does not answer as the model that it was made from."""


def export_student(weights: Path, out: Path) -> None:
    """Write the student to ONNX in fp32, any batch and any length."""
    ids = torch.ones((2, 8), dtype=torch.int64)
    torch.onnx.export(
        load_student(weights),
        (ids,),
        str(out),
        input_names=["ids"],
        output_names=["probabilities"],
        dynamic_axes={"ids": {0: "rows", 1: "tokens"}, "probabilities": {0: "rows"}},
        opset_version=17,
        dynamo=False,
    )


def quantize(source: Path, out: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared = out.with_suffix(".prepared")
    quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
    quantize_dynamic(
        str(prepared), str(out), per_channel=True, weight_type=QuantType.QInt8
    )
    prepared.unlink()


def _held(classify: Any, known: Known, variant: str, *, exact: bool) -> dict[str, Any]:
    """Answer every text alone; raises ExportError where `exact` and not the build's."""
    answers = [classify([text])[0] for text in known.texts]
    theirs = known.probabilities[variant]
    gap = max(abs(a[1] - max(row)) for a, row in zip(answers, theirs, strict=True))
    if exact and gap > TOLERANCE:
        raise ExportError(f"{variant}: {gap:.1e} from the build's, {TOLERANCE} allowed")
    labels = [answer[0] for answer in answers]
    same = np.mean(
        [a == b for a, b in zip(labels, known.answers(variant), strict=True)]
    )
    return {"of": variant, "gap": gap, "same_label": float(same), "labels": labels}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.serving.peers.export",
        description="Build the peers' models.",
    )
    parser.add_argument("artifact", type=Path, help="artifact directory, with steps/")
    parser.add_argument("--known", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--teacher", default="teacher", help="variant of that name")
    parser.add_argument("--student", default="pruned", help="the student before int8")
    options = parser.parse_args()
    out, known = options.out, read_known(options.known)
    manifest = read_manifest(options.artifact / "manifest.json")
    shared: dict[str, Any] = {
        "tokenizer": options.artifact / manifest.folder("flask") / "tokenizer.json",
        "labels": manifest.labels,
        "longest": manifest.lengths[-1],
        "threads": 1,
    }
    out.mkdir(parents=True, exist_ok=True)
    teacher, student = (
        step(options.artifact, f"pass-{v}") for v in (options.teacher, options.student)
    )
    export_student(student, out / "student.onnx")
    quantize(out / "student.onnx", out / "student-int8.onnx")
    (out / "teacher").unlink(missing_ok=True)
    (out / "teacher").symlink_to(teacher.resolve())
    teacher_model = torch_classifier(teacher, **shared)
    fp32 = onnx_classifier(out / "student.onnx", **shared)
    int8 = onnx_classifier(out / "student-int8.onnx", **shared)
    found = {
        "teacher": _held(teacher_model, known, options.teacher, exact=True),
        "student": _held(fp32, known, options.student, exact=True),
        "int8": _held(int8, known, options.student, exact=False),
    }
    (out / "answers.json").write_text(json.dumps(found))
    for name, held in found.items():
        print(
            f"{name}: {held['gap']:.1e} from the build's {held['of']}, "
            f"{held['same_label']:.2%} the same labels"
        )


if __name__ == "__main__":
    main()
