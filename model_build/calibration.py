"""Whether a classifier is right as often as it says it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model_build.statistics import Interval, wilson

BINS = 10


@dataclass(frozen=True)
class Bin:
    """The examples whose answer was given with a probability in (low, high]."""

    low: float
    high: float
    examples: int
    said: float  # the mean probability of the answers
    right: Interval  # the share that is right


@dataclass(frozen=True)
class Calibration:
    """A reliability diagram; bins without an example are left out."""

    error: float  # expected calibration error: a share
    bins: Sequence[Bin]


def calibration(probabilities: np.ndarray, truth: np.ndarray) -> Calibration:
    """Compare how sure the answers are with how often they are right.

    `probabilities` are [examples, classes], `truth` is int [examples]. The expected
    calibration error is the mean over examples of their bin's distance, in bins of
    equal width (Guo et al., 2017, https://arxiv.org/abs/1706.04599).
    """
    said = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == truth
    edges = np.linspace(0, 1, BINS + 1)
    places = np.clip(np.ceil(said * BINS).astype(int) - 1, 0, BINS - 1)
    bins = [
        Bin(
            low=float(edges[place]),
            high=float(edges[place + 1]),
            examples=int(inside.sum()),
            said=float(said[inside].mean()),
            right=wilson(int(right[inside].sum()), int(inside.sum())),
        )
        for place in range(BINS)
        if (inside := places == place).any()
    ]
    distances = [each.examples * abs(each.said - each.right.value) for each in bins]
    return Calibration(sum(distances) / len(truth), bins)
