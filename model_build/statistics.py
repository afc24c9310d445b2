"""Intervals and paired tests for classifiers measured on the same examples."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

Z = 1.959964  # of a 95 % interval


@dataclass(frozen=True)
class Interval:
    """An estimate and its 95 % interval."""

    value: float
    low: float
    high: float


def wilson(hits: int, n: int) -> Interval:
    """A share's score interval (Wilson, 1927)."""
    share = hits / n
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * math.sqrt(share * (1 - share) / n + (Z / (2 * n)) ** 2)
    return Interval(share, max(0.0, middle - half), min(1.0, middle + half))


def macro_f1(truth: np.ndarray, guess: np.ndarray, classes: int) -> float:
    """The mean over classes of F1; a class nobody has or guesses counts as 0."""
    table = np.bincount(truth * classes + guess, minlength=classes**2)
    return float(_macro_f1(table.reshape(1, classes, classes))[0])


def _macro_f1(tables: np.ndarray) -> np.ndarray:
    """[n, truth, guess] counts -> [n]."""
    hits = np.diagonal(tables, axis1=1, axis2=2)
    both = tables.sum(1) + tables.sum(2)
    means: np.ndarray = np.mean(2 * hits / np.maximum(both, 1), axis=1)
    return means


@dataclass(frozen=True)
class PairedComparison:
    """One classifier against a baseline, on the same examples."""

    macro_f1: Interval
    accuracy: Interval
    retained: Interval  # macro-F1 over the baseline's
    difference: Interval  # macro-F1 minus the baseline's
    p_value: float  # of McNemar's exact test on accuracy


def compare(
    truth: np.ndarray,
    guess: np.ndarray,
    baseline: np.ndarray,
    *,
    classes: int,
    resamples: int,
    seed: int,
) -> PairedComparison:
    """Percentile bootstrap over examples, the same resamples for both models.

    Arrays are int [n]. Efron and Tibshirani, 1993; exact McNemar: Fagerland et al.,
    2013 (https://doi.org/10.1186/1471-2288-13-91), as a two-sided binomial test.
    """
    cells = (truth * classes + guess) * classes + baseline
    shares = np.bincount(cells, minlength=classes**3) / len(truth)
    draws = np.random.default_rng(seed).multinomial(len(truth), shares, size=resamples)
    cube = draws.reshape(resamples, classes, classes, classes)
    own, other = _macro_f1(cube.sum(3)), _macro_f1(cube.sum(2))
    f1, base = macro_f1(truth, guess, classes), macro_f1(truth, baseline, classes)
    return PairedComparison(
        macro_f1=_percentiles(f1, own),
        accuracy=wilson(int((truth == guess).sum()), len(truth)),
        retained=_percentiles(f1 / max(base, 1e-12), own / np.maximum(other, 1e-12)),
        difference=_percentiles(f1 - base, own - other),
        p_value=mcnemar(
            int(((guess == truth) & (baseline != truth)).sum()),
            int(((guess != truth) & (baseline == truth)).sum()),
        ),
    )


def _percentiles(value: float, draws: np.ndarray) -> Interval:
    low, high = np.percentile(draws, [2.5, 97.5])
    return Interval(float(value), float(low), float(high))


def mcnemar(better: int, worse: int) -> float:
    """Two-sided exact p-value of `better` against `worse` changed answers."""
    n = better + worse
    if n == 0:
        return 1.0
    tail = sum(math.comb(n, k) for k in range(min(better, worse) + 1))
    return min(1.0, 2 * tail / (1 << n))


def ratio(own: np.ndarray, baseline: np.ndarray) -> Interval:
    """own / baseline from paired rounds: geometric mean, with a t-like interval.

    Arrays are positive floats [rounds]; the interval is of the mean log ratio.
    """
    from scipy.stats import t

    logs = np.log(own / baseline)
    half = float(t.ppf(0.975, len(logs) - 1)) * logs.std(ddof=1) / math.sqrt(len(logs))
    middle = float(logs.mean())
    return Interval(math.exp(middle), math.exp(middle - half), math.exp(middle + half))
