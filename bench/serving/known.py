"""The texts that are asked, and what the build's own variants answered to them.

.venv/build/bin/python -m bench.serving.known build/support-sentiment > known.json

Runs in the build environment, where the spec's data are. The texts are the test
split, whole: real messages in their natural mix of lengths, all distinct.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import msgspec

from manifest import read_manifest
from model_build.inputs import examples_of
from model_build.spec import read_spec
from model_build.tasks.base import load_judged

ROOT = Path(__file__).parents[2]


class Known(msgspec.Struct, frozen=True):
    """`probabilities` by variant: [texts][classes], as its export answered."""

    labels: list[str]
    texts: list[str]
    probabilities: dict[str, list[list[float]]]

    def answers(self, variant: str) -> list[str]:
        """Return the label of each text."""
        return label(self.labels, self.probabilities[variant])


def label(labels: list[str], probabilities: list[list[float]]) -> list[str]:
    return [labels[row.index(max(row))] for row in probabilities]


def step(artifact: Path, name: str) -> Path:
    """Return the newest finished step of this name; raises FileNotFoundError.

    A rebuild leaves older ones beside it; whether the newest is the served model's is
    seen when its server is held to these answers.
    """
    # A digest ends it: answers-int8-openvino are not answers-int8.
    found = (artifact / "steps").glob(f"{name}-" + "[0-9a-f]" * 12)
    newest = max(found, key=lambda path: path.stat().st_mtime, default=None)
    if newest is None:
        raise FileNotFoundError(f"{artifact}/steps/{name}-*: not there; build it anew")
    return newest


def read_known(path: Path) -> Known:
    return msgspec.json.decode(path.read_bytes(), type=Known)


def _known(artifact: Path, spec_path: Path, data_dir: Path | None) -> Known:
    spec = read_spec(spec_path)
    texts = [e.texts[0] for e in examples_of(spec, data_dir).test]
    probabilities = {}
    for variant in dict.fromkeys(p.variant for p in spec.passes):
        folder = step(artifact, f"answers-{variant}")
        rows = load_judged(folder).probabilities
        if rows is None or len(rows) != len(texts):
            raise ValueError(f"{folder}: not {len(texts)} texts' probabilities")
        probabilities[variant] = rows.tolist()
    return Known(list(spec.labels), texts, probabilities)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.serving.known",
        description="Print the test split's texts and what the build answered.",
    )
    parser.add_argument("artifact", type=Path, help="artifact directory, with steps/")
    parser.add_argument("--spec", type=Path, help="default: the one of its name")
    parser.add_argument("--data-dir", type=Path)
    options = parser.parse_args()
    try:
        name = read_manifest(options.artifact / "manifest.json").name
        spec = options.spec or ROOT / f"model_build/specs/{name}.toml"
        known = _known(options.artifact, spec, options.data_dir)
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    json.dump(msgspec.to_builtins(known), sys.stdout)


if __name__ == "__main__":
    main()
