"""How often TensorFlow Serving's form of a model says what the Flask runtime says.

.venv/build/bin/python -m bench.answers ARTIFACT [--url http://HOST:8501]

Asks the Flask server of the artifact, as `make serve` runs it, and the SavedModel, in
this process or in a running server, for each text of the test split.
"""

from __future__ import annotations

import argparse
import json
import sys
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.server import litert_command, serve
from manifest import SAVED_MODEL, Manifest, read_manifest
from model_build.inputs import examples_of
from model_build.spec import read_spec

SPECS = Path(__file__).parents[1] / "model_build" / "specs"


@dataclass(frozen=True)
class Answer:
    label: str
    score: float  # the label's probability


Answers = Callable[[Sequence[str]], list[Answer]]


def over_rest(url: str, model: str) -> Answers:
    """Return what asks a server for several texts in one request."""

    def ask(texts: Sequence[str]) -> list[Answer]:
        body = json.dumps({"instances": list(texts)}).encode()
        path = f"{url.rstrip('/')}/v1/models/{model}:predict"
        with urllib.request.urlopen(path, body, timeout=30) as answer:
            found = json.load(answer)["predictions"]
        return [Answer(each["label"], each["score"]) for each in found]

    return ask


def in_process(folder: Path) -> Answers:
    """Return what asks the SavedModel's signature."""
    import tensorflow as tf
    import tensorflow_text  # noqa: F401  # registers the ops of the tokenizer

    loaded: Any = tf.saved_model.load(str(folder))

    def ask(texts: Sequence[str]) -> list[Answer]:
        found = loaded.signatures["serving_default"](text=tf.constant(list(texts)))
        pairs = zip(found["label"].numpy(), found["score"].numpy(), strict=True)
        return [Answer(label.decode(), float(score)) for label, score in pairs]

    return ask


def compare(ours: Sequence[Answer], theirs: Sequence[Answer]) -> str:
    """Say how many labels differ, and how sure of them either side was at most."""
    pairs = list(zip(ours, theirs, strict=True))
    differ = [pair for pair in pairs if pair[0].label != pair[1].label]
    same = [pair for pair in pairs if pair[0].label == pair[1].label]
    lines = [f"{len(same)} of {len(pairs)} labels are the same"]
    if same:
        gap = max(abs(one.score - other.score) for one, other in same)
        lines.append(f"their scores differ by {gap:.4f} at most")
    if differ:
        sure = max(min(one.score, other.score) for one, other in differ)
        lines.append(f"where labels differ, the less sure side gave {sure:.3f} at most")
    return "\n".join(lines)


def held_out(manifest: Manifest, data_dir: Path | None) -> list[str]:
    spec = read_spec(SPECS / f"{manifest.name}.toml")
    return [e.texts[0] for e in examples_of(spec, data_dir).test]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.answers")
    parser.add_argument("artifact", type=Path, help="a directory with a manifest.json")
    parser.add_argument("--url", help="of a running TensorFlow Serving")
    parser.add_argument("--data-dir", type=Path, help="where the spec's data lies")
    options = parser.parse_args()
    manifest = read_manifest(options.artifact / "manifest.json")
    texts = held_out(manifest, options.data_dir)
    batches = [
        texts[begin : begin + manifest.max_batch]
        for begin in range(0, len(texts), manifest.max_batch)
    ]
    theirs = (
        over_rest(options.url, manifest.name)
        if options.url
        else in_process(options.artifact / SAVED_MODEL)
    )
    with serve(litert_command(options.artifact, python=Path(sys.executable))) as flask:
        ours = over_rest(f"http://127.0.0.1:{flask.port}", manifest.name)
        found = [answer for batch in batches for answer in ours(batch)]
    told = [answer for batch in batches for answer in theirs(batch)]
    print(compare(found, told))


if __name__ == "__main__":
    main()
