"""Which engine runs the released variant: the one that measured better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from manifest import Engine
from model_build.measure import Measurements, Served
from model_build.statistics import Interval
from model_build.tasks import Judged
from model_build.tokens import Tokens

# The files that hold an engine's weights, in its folder; what a variant's size is.
WEIGHTS: Mapping[Engine, str] = {"litert": "model.tflite", "openvino": "model.bin"}


@dataclass(frozen=True)
class EngineReport:
    """The released variant as one engine runs it, beside the first engine."""

    serving: Served
    throughput_ratio: Interval  # to the first engine, at full load, round by round
    right: float  # share of the test examples
    agreement: float  # share of the test examples with the first engine's answer
    bytes: int  # of the weights' file


def choose(ratios: Mapping[Engine, Interval]) -> Engine:
    """Return the engine with the most requests a second, if the evidence says so.

    `ratios` are to the first, which stays unless another's whole interval is above 1.
    What the chosen one answers is then judged by the gates.
    """
    first = next(iter(ratios))
    better = {e: r.value for e, r in ratios.items() if r.low > 1 and e != first}
    return max(better, key=lambda engine: better[engine]) if better else first


def compare_engines(
    measured: Measurements,
    variant: str,
    judged: Mapping[Engine, Judged],
    files: Mapping[Engine, Path],
) -> dict[Engine, EngineReport]:
    """Set the engines of one variant side by side, as judged on the test split."""
    said = {
        engine: [answer.get("label", answer.get("answer")) for answer in each.answers]
        for engine, each in judged.items()
    }
    first = next(iter(said.values()))
    return {
        engine: EngineReport(
            serving=measured.variants[served_as(variant, engine)],
            throughput_ratio=measured.engines[engine],
            right=float(next(iter(judged[engine].figures.values())).mean()),
            agreement=float(np.mean([a == b for a, b in zip(own, first, strict=True)])),
            bytes=files[engine].stat().st_size,
        )
        for engine, own in said.items()
    }


def ask(
    engine: Engine, folder: Path, lengths: Sequence[int], tokens: Tokens
) -> list[np.ndarray]:
    """What an exported model answers, row by row: [classes], or [length, 2]."""
    if engine == "openvino":
        from model_build.openvino import outputs
    else:
        from model_build.litert import outputs
    name = {"litert": "model.tflite", "openvino": "model.xml"}[engine]
    return outputs(folder / name, lengths, tokens)


def served_as(variant: str, engine: Engine) -> str:
    """Return what a server of the variant is called among the measured ones."""
    return variant if engine == "litert" else f"{variant}-{engine}"
