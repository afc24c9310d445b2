"""The released variant as each engine of the light server loads it."""

from __future__ import annotations

from pathlib import Path

from manifest import Engine
from model_build import artifact
from model_build.inputs import Inputs
from model_build.model import TOKENIZER_FILE, load_model
from model_build.spec import Spec
from model_build.steps import Done, Steps


def export_forms(
    spec: Spec, made: Done, export: Done, inputs: Inputs, steps: Steps
) -> dict[Engine, Done]:
    """Return a step for each engine that the spec names, LiteRT's `export` first.

    `made` holds the variant's weights. Each form has a manifest, so that a server can
    be measured with it.
    """

    def make(out: Path) -> None:
        from model_build.openvino import export_openvino

        folder = out / "openvino"
        folder.mkdir()
        model = load_model(made.path)
        calibration = inputs.calibration(model.tokenizer, max(spec.serving.lengths))
        export_openvino(model, calibration, folder / "model.xml")
        (folder / TOKENIZER_FILE).write_text(model.tokenizer, encoding="utf-8")
        manifest = artifact.describe(
            spec,
            spec.release,
            files=artifact.digests(out),
            data_digest=inputs.data_digest,
            engine="openvino",
        )
        (out / "manifest.json").write_text(manifest.to_json())

    forms: dict[Engine, Done] = {"litert": export}
    if "openvino" in spec.serving.engines:
        asked = {"export": export.digest, "data": inputs.data_digest}
        files = (
            "artifact.py",
            "encoder.py",
            "openvino.py",
            "storage.py",
            "../manifest.py",
        )
        forms["openvino"] = steps.run("export-openvino", asked, files, make)
    return forms
