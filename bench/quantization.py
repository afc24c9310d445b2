"""What each quantization scheme costs and wins on one trained model, in LiteRT.

python -m bench.quantization build/NAME/steps/pass-VARIANT-DIGEST --texts FILE.jsonl.gz

Every form is made of the same float32 weights: agreement is with what those answer, not
with the labels. Calibration and test texts are different rows of the file. Latency is
of one row at a time on one thread; the forms take turns within a round, so that a busy
machine slows all of them, and a ratio is of the same round.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from model_build.examples import Example
from model_build.model import Model, load_model
from model_build.passes import Quantize, QuantizeAware
from model_build.passes.base import Workbench
from model_build.progress import Progress
from model_build.statistics import Interval, ratio, wilson
from model_build.tasks.classification import Classification
from model_build.tokens import Tokens

FLOAT = "float32"
RECIPES: dict[str, tuple[Quantize | QuantizeAware, ...]] = {
    FLOAT: (),
    "float16": (Quantize(scheme="float16"),),
    "weight-int8": (Quantize(scheme="weight-int8"),),
    "one scale for all embeddings": (),  # as LiteRT's own converter quantizes
    "dynamic-int8": (Quantize(),),
    "dynamic-int8, int4 embeddings": (Quantize(embeddings="int4"),),
    "static-int8": (Quantize(scheme="static-int8"),),
    "mixed": (Quantize(scheme="mixed"),),
    "quantize_aware": (QuantizeAware(),),
    "hybrid": (QuantizeAware(), Quantize(scheme="mixed")),
}
CONVERTER = "one scale for all embeddings"


@dataclass(frozen=True)
class Row:
    """One scheme beside the float32 form of the same weights."""

    name: str
    bytes: int
    bytes_ratio: float
    agreement: Interval  # share of texts with float32's label
    accuracy: float | None  # of the labels, where the texts have some
    largest_change: float  # of a probability
    mean_change: float
    p50_ms: float  # at the longest length
    p50_ratio: Interval  # to dynamic-int8, round by round
    in_float: tuple[str, ...]  # layers that a mixture left
    seconds: float  # that the passes and the export took


@dataclass(frozen=True)
class Material:
    """What every form is made and judged with."""

    model: Model
    bench: Workbench
    test: Tokens
    labels: np.ndarray
    lengths: tuple[int, ...]


def read_texts(path: Path, text: str, label: str) -> list[Example]:
    """The rows of a gzip'd JSON lines file; -1 where one has no label."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [Example((row[text],), int(row.get(label, -1))) for row in rows]


def export(name: str, material: Material, path: Path) -> tuple[Model, float]:
    """Make the form `name` at `path`; return its model and the seconds it took."""
    from model_build.litert import export_litert

    begun = time.monotonic()
    model = material.model
    for step in RECIPES[name]:
        model = step.apply(model, material.bench)
    if name == CONVERTER:
        _convert(model, material.lengths, path)
    else:
        sample = material.bench.tokens(model, material.bench.train[:300])
        export_litert(model, material.lengths, path, sample)
    return model, time.monotonic() - begun


def _convert(model: Model, lengths: Sequence[int], path: Path) -> None:
    """What this project exported before: the converter's dynamic-range quantization."""
    import tensorflow as tf

    from model_build.encoder import answer_of, to_keras
    from model_build.quiet import quiet

    encoder = to_keras(model)
    module = tf.Module()
    module.weights = encoder.variables
    answer = answer_of(encoder, model.shape.head)
    signatures = {
        f"tokens_{n}": tf.function(
            answer, input_signature=[tf.TensorSpec([1, n], tf.int32, "ids")]
        )
        for n in lengths
    }
    with tempfile.TemporaryDirectory() as directory, quiet():
        tf.saved_model.save(module, directory, signatures=signatures)
        converter = tf.lite.TFLiteConverter.from_saved_model(
            directory, signature_keys=list(signatures)
        )
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        path.write_bytes(converter.convert())


def latencies(paths: Sequence[Path], material: Material, rounds: int) -> np.ndarray:
    """Medians in milliseconds, [forms, rounds], of the longest signature."""
    from ai_edge_litert.interpreter import Interpreter  # type: ignore[import-untyped]

    length = max(material.lengths)
    longest = np.argsort(-material.test.lengths, kind="stable")[:8]
    rows = np.zeros((len(longest), 1, length), np.int32)
    ids = material.test.ids[longest]
    rows[:, 0, : ids.shape[1]] = ids
    held = [Interpreter(str(path), num_threads=1) for path in paths]
    runners: list[Any] = [i.get_signature_runner(f"tokens_{length}") for i in held]
    found = np.zeros((len(paths), rounds))
    for turn in range(rounds + 1):  # the first warms up
        for place in np.random.default_rng(turn).permutation(len(paths)):
            times = []
            for row in rows:
                begun = time.perf_counter()
                runners[place](ids=row)
                times.append(time.perf_counter() - begun)
            found[place, turn - 1] = 1000 * float(np.median(times))
    return found


def compare(names: Sequence[str], material: Material, rounds: int) -> list[Row]:
    from model_build.litert import outputs

    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.tflite" for number in range(len(names))]
        made = [
            export(name, material, path)
            for name, path in zip(names, paths, strict=True)
        ]
        answers = [
            np.array(outputs(path, material.lengths, material.test)) for path in paths
        ]
        times = latencies(paths, material, rounds)
        sizes = [path.stat().st_size for path in paths]
    first, base = answers[names.index(FLOAT)], times[names.index("dynamic-int8")]
    rows = []
    for place, name in enumerate(names):
        found, (model, seconds) = answers[place], made[place]
        same = found.argmax(1) == first.argmax(1)
        change = np.abs(found - first).max(1)
        known = material.labels >= 0
        right = (found.argmax(1) == material.labels)[known]
        rows.append(
            Row(
                name=name,
                bytes=sizes[place],
                bytes_ratio=sizes[place] / sizes[names.index(FLOAT)],
                agreement=wilson(int(same.sum()), len(same)),
                accuracy=float(right.mean()) if known.any() else None,
                largest_change=float(change.max()),
                mean_change=float(change.mean()),
                p50_ms=float(np.median(times[place])),
                p50_ratio=ratio(times[place], base),
                in_float=model.precision.float_layers,
                seconds=round(seconds, 1),
            )
        )
    return rows


def table(rows: Sequence[Row]) -> str:
    lines = [
        f"{'':30}{'MB':>7}{'of fp32':>9}{'agreement (95 %)':>26}{'accuracy':>10}"
        f"{'change':>9}{'ms':>8}{'to dynamic-int8':>22}"
    ]
    for r in rows:
        a, p = r.agreement, r.p50_ratio
        accuracy = "" if r.accuracy is None else f"{r.accuracy:.4f}"
        lines.append(
            f"{r.name:30}{r.bytes / 1e6:7.1f}{r.bytes_ratio:9.3f}"
            f"{f'{a.value:.4f} ({a.low:.4f}-{a.high:.4f})':>26}{accuracy:>10}"
            f"{r.mean_change:9.5f}{r.p50_ms:8.2f}"
            f"{f'{p.value:.2f} ({p.low:.2f}-{p.high:.2f})':>22}"
        )
    return "\n".join(lines)


def read_material(arguments: argparse.Namespace, kept: Path) -> Material:
    model = load_model(arguments.directory)
    examples = read_texts(arguments.texts, arguments.text, arguments.label)
    order = np.random.default_rng(arguments.seed).permutation(len(examples))
    chosen = [examples[int(index)] for index in order]
    lengths = tuple(sorted(arguments.lengths))
    labels = tuple(str(index) for index in range(model.shape.classes))
    bench = Workbench(
        task=Classification(labels),
        train=chosen[arguments.rows :][: arguments.train],
        validation=(),
        unlabelled=(),
        length=max(lengths),
        variants=lambda _: model,
        baseline="float32",
        kept=kept,
        seed=arguments.seed,
        progress=Progress(),
    )
    test = chosen[: arguments.rows]
    known = np.array([example.label for example in test])
    return Material(model, bench, bench.tokens(model, test), known, lengths)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.quantization",
        description="Compare quantization schemes on one trained classifier.",
    )
    parser.add_argument(
        "directory", type=Path, help="what a pass made: the directory of its build step"
    )
    parser.add_argument("--texts", type=Path, required=True, help="NAME.jsonl.gz")
    parser.add_argument("--text", default="text", help="the field of a row's text")
    parser.add_argument("--label", default="label", help="the field of a row's label")
    parser.add_argument("--rows", type=int, default=1000, help="texts to judge on")
    parser.add_argument("--train", type=int, default=2000, help="texts to learn from")
    parser.add_argument("--lengths", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--schemes", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--json", type=Path, help="write the rows there as well")
    arguments = parser.parse_args()
    names = list(dict.fromkeys([FLOAT, "dynamic-int8", *arguments.schemes]))
    with tempfile.TemporaryDirectory() as kept:
        material = read_material(arguments, Path(kept))
        rows = compare(names, material, arguments.rounds)
    print(table(rows))
    print(f"n = {len(material.test)} texts, {arguments.rounds} rounds, seed ", end="")
    print(f"{arguments.seed}, {max(material.lengths)} tokens, one thread")
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.encode([asdict(r) for r in rows]))


if __name__ == "__main__":
    main()
