"""Which engine runs the released variant: the one that measured better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from manifest import Engine
from model_build.measure import Measurements, Served
from model_build.statistics import Interval
from model_build.tokens import Tokens

# The files that hold an engine's weights, in its folder; what a variant's size is.
WEIGHTS: Mapping[Engine, str] = {"litert": "model.tflite", "openvino": "model.bin"}


@dataclass(frozen=True)
class EngineReport:
    """The released variant as one engine runs it, beside the first engine."""

    serving: Served
    throughput_ratio: Interval  # to the first engine, at full load, round by round
    accuracy: float  # share of the test examples
    agreement: float  # share of the test examples with the first engine's label
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
    shares: Mapping[Engine, np.ndarray],
    truth: np.ndarray,
    files: Mapping[Engine, Path],
) -> dict[Engine, EngineReport]:
    """Set the engines of one variant side by side.

    `shares` are what each answers on the test split, [examples, classes]; `truth` its
    labels [examples].
    """
    labels = {engine: each.argmax(axis=1) for engine, each in shares.items()}
    first = next(iter(labels.values()))
    return {
        engine: EngineReport(
            serving=measured.variants[served_as(variant, engine)],
            throughput_ratio=measured.engines[engine],
            accuracy=float((found == truth).mean()),
            agreement=float((found == first).mean()),
            bytes=files[engine].stat().st_size,
        )
        for engine, found in labels.items()
    }


def ask(
    engine: Engine, folder: Path, lengths: Sequence[int], tokens: Tokens
) -> np.ndarray:
    """What an exported model answers, example by example: float32 [n, classes]."""
    if engine == "openvino":
        from model_build.openvino import probabilities
    else:
        from model_build.litert import probabilities
    name = {"litert": "model.tflite", "openvino": "model.xml"}[engine]
    return probabilities(folder / name, lengths, tokens)


def served_as(variant: str, engine: Engine) -> str:
    """Return what a server of the variant is called among the measured ones."""
    return variant if engine == "litert" else f"{variant}-{engine}"
