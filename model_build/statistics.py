"""Intervals and paired tests for models measured on the same examples."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from model_build.tasks.base import Judged

Z = 1.959964  # of a 95 % interval
CHUNK = 4_000_000  # counts that are drawn at once: 32 MB


@dataclass(frozen=True)
class Interval:
    """An estimate and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Compared:
    """One figure of a model, and what it keeps of the baseline's."""

    own: Interval
    retained: Interval  # own over the baseline's
    difference: Interval  # own minus the baseline's


@dataclass(frozen=True)
class PairedComparison:
    """One model against a baseline, on the same examples."""

    figures: Mapping[str, Compared]  # accuracy, macro_f1; or exact_match, f1
    better: int  # examples that it has right and the baseline wrong
    worse: int  # the other way round
    p_value: float  # of McNemar's exact test on the two


def compare(
    own: Judged,
    baseline: Judged,
    truth: np.ndarray,
    *,
    resamples: int,
    seed: int,
) -> PairedComparison:
    """Percentile bootstrap over examples, the same resamples for both models.

    `truth` is int [examples], the labels where there are some. Efron and Tibshirani,
    1993; exact McNemar: Fagerland et al., 2013 (https://doi.org/10.1186/1471-2288-13-91),
    as a two-sided binomial test on the first figure, which is 0 or 1 for each example.
    """
    random = np.random.default_rng(seed)
    figures = _means(own.figures, baseline.figures, random, resamples)
    if own.probabilities is not None and baseline.probabilities is not None:
        guesses = (own.probabilities.argmax(1), baseline.probabilities.argmax(1))
        classes = own.probabilities.shape[1]
        figures["macro_f1"] = _macro_f1s(truth, *guesses, classes, random, resamples)
    right, base = (next(iter(each.figures.values())) for each in (own, baseline))
    better, worse = int((right > base).sum()), int((right < base).sum())
    return PairedComparison(figures, better, worse, mcnemar(better, worse))


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


def _means(
    own: Mapping[str, np.ndarray],
    baseline: Mapping[str, np.ndarray],
    random: np.random.Generator,
    resamples: int,
) -> dict[str, Compared]:
    """Figures that are means over the examples."""
    count = len(next(iter(own.values())))
    values = np.stack([*own.values(), *baseline.values()], axis=1)
    # Equal rows are one: what is drawn is how often each different row comes.
    rows, seen = np.unique(values, axis=0, return_counts=True)
    draws = np.concatenate(
        [
            random.multinomial(count, seen / count, size=size) @ rows / count
            for size in _sizes(resamples, len(rows))
        ]
    )
    return {
        name: Compared(
            _own(own[name], draws[:, place]),
            *_against(
                own[name].mean(),
                baseline[name].mean(),
                draws[:, place],
                draws[:, place + len(own)],
            ),
        )
        for place, name in enumerate(own)
    }


def _own(values: np.ndarray, draws: np.ndarray) -> Interval:
    if np.isin(values, (0, 1)).all():
        return wilson(int(values.sum()), len(values))
    return _percentiles(float(values.mean()), draws)


def _macro_f1s(
    truth: np.ndarray,
    guess: np.ndarray,
    baseline: np.ndarray,
    classes: int,
    random: np.random.Generator,
    resamples: int,
) -> Compared:
    cells = (truth * classes + guess) * classes + baseline
    shares = np.bincount(cells, minlength=classes**3) / len(truth)
    draws = random.multinomial(len(truth), shares, size=resamples)
    cube = draws.reshape(resamples, classes, classes, classes)
    own, other = _macro_f1(cube.sum(3)), _macro_f1(cube.sum(2))
    f1, base = macro_f1(truth, guess, classes), macro_f1(truth, baseline, classes)
    return Compared(_percentiles(f1, own), *_against(f1, base, own, other))


def _macro_f1(tables: np.ndarray) -> np.ndarray:
    """[n, truth, guess] counts -> [n]."""
    hits = np.diagonal(tables, axis1=1, axis2=2)
    both = tables.sum(1) + tables.sum(2)
    means: np.ndarray = np.mean(2 * hits / np.maximum(both, 1), axis=1)
    return means


def _against(
    own: float, base: float, drawn: np.ndarray, other: np.ndarray
) -> tuple[Interval, Interval]:
    ratios = drawn / np.maximum(other, 1e-12)
    return (
        _percentiles(own / max(base, 1e-12), ratios),
        _percentiles(own - base, drawn - other),
    )


def _percentiles(value: float, draws: np.ndarray) -> Interval:
    low, high = np.percentile(draws, [2.5, 97.5])
    return Interval(float(value), float(low), float(high))


def _sizes(resamples: int, cells: int) -> list[int]:
    """How many resamples are drawn at a time, so that memory stays bounded."""
    size = max(1, CHUNK // cells)
    whole, rest = divmod(resamples, size)
    return [size] * whole + [rest] * bool(rest)


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
