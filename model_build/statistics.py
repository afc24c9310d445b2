"""Intervals and paired tests for models measured on the same examples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from model_build.tasks.base import Judged

Z = 1.959964  # of a 95 % interval
Z_POWER = 0.841621  # of 80 % power
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
    agreement: Interval  # share of examples answered as the baseline answers them
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
    clusters: np.ndarray | None = None,
) -> PairedComparison:
    """Percentile bootstrap over examples, the same resamples for both models.

    `truth` is int [examples], the labels where there are some; examples of one cluster
    (any values, [examples]) are drawn together: questions on one context are not
    independent. Efron and Tibshirani, 1993. It draws from two more examples, one that
    only this model has right and one that only the baseline has: that all answers
    agree on n examples does not show that they always will (Bonett and Price, 2012,
    https://doi.org/10.3102/1076998611411915).

    Exact McNemar: Fagerland et al., 2013 (https://doi.org/10.1186/1471-2288-13-91), as
    a two-sided binomial test on the first figure, which is 0 or 1 for each example.
    """
    random = np.random.default_rng(seed)
    figures = _means(own.figures, baseline.figures, clusters, random, resamples)
    if own.probabilities is not None and baseline.probabilities is not None:
        guesses = (own.probabilities.argmax(1), baseline.probabilities.argmax(1))
        classes = own.probabilities.shape[1]
        figures["macro_f1"] = _macro_f1s(truth, *guesses, classes, random, resamples)
    right, base = (next(iter(each.figures.values())) for each in (own, baseline))
    better, worse = int((right > base).sum()), int((right < base).sum())
    return PairedComparison(
        figures,
        _agreement(own.said == baseline.said, clusters, random, resamples),
        better,
        worse,
        mcnemar(better, worse),
    )


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
    clusters: np.ndarray | None,
    random: np.random.Generator,
    resamples: int,
) -> dict[str, Compared]:
    """Figures that are means over the examples."""
    values = np.stack([*own.values(), *baseline.values()], axis=1)
    sums = _sums(values, clusters)
    lone = np.repeat([1.0, 0.0], len(own))  # only this model has it right
    added = [[*lone, 1.0], [*lone[::-1], 1.0]]
    # Equal rows are one: what is drawn is how often each different row comes.
    rows, seen = _distinct(np.vstack([sums, added]))
    count = int(seen.sum())
    totals = np.concatenate(
        [
            random.multinomial(count, seen / count, size=size) @ rows
            for size in _sizes(resamples, len(rows))
        ]
    )
    draws = totals[:, :-1] / totals[:, -1:]
    return {
        name: Compared(
            _own(own[name], draws[:, place], alone=clusters is None),
            *_against(
                own[name].mean(),
                baseline[name].mean(),
                draws[:, place],
                draws[:, place + len(own)],
            ),
        )
        for place, name in enumerate(own)
    }


def _agreement(
    same: np.ndarray,
    clusters: np.ndarray | None,
    random: np.random.Generator,
    resamples: int,
) -> Interval:
    if clusters is None:
        return wilson(int(same.sum()), len(same))
    figure = {"agreement": same.astype(np.float64)}
    return _means(figure, figure, clusters, random, resamples)["agreement"].own


def _sums(values: np.ndarray, clusters: np.ndarray | None) -> np.ndarray:
    """[clusters, figures + 1]: what each adds up to, and its examples."""
    ones = np.ones((len(values), 1))
    counted = np.hstack([values, ones])
    if clusters is None:
        return counted
    names, places = np.unique(clusters, return_inverse=True)
    sums = np.zeros((len(names), counted.shape[1]))
    np.add.at(sums, places, counted)
    return sums


def _distinct(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Different rows and how often each comes: np.unique(axis=0), faster."""
    codes = np.zeros(len(rows), np.int64)
    for column in rows.T:
        values, places = np.unique(column, return_inverse=True)
        codes = np.unique(codes * len(values) + places, return_inverse=True)[1]
    _, first, seen = np.unique(codes, return_index=True, return_counts=True)
    return rows[first], seen


def _own(values: np.ndarray, draws: np.ndarray, *, alone: bool) -> Interval:
    if alone and np.isin(values, (0, 1)).all():
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
    counts = np.bincount(cells, minlength=classes**3) + _lone(classes)
    draws = random.multinomial(len(truth) + 2, counts / counts.sum(), size=resamples)
    cube = draws.reshape(resamples, classes, classes, classes)
    own, other = _macro_f1(cube.sum(3)), _macro_f1(cube.sum(2))
    f1, base = macro_f1(truth, guess, classes), macro_f1(truth, baseline, classes)
    return Compared(_percentiles(f1, own), *_against(f1, base, own, other))


def _lone(classes: int) -> np.ndarray:
    """Two examples that only one of two models has right, spread evenly over classes."""
    cube = np.zeros((classes, classes, classes))
    for right in range(classes):
        cube[right, right, :] += 1
        cube[right, :, right] += 1
        cube[right, right, right] = 0
    spread: np.ndarray = 2 * cube.ravel() / cube.sum()
    return spread


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


def needed(found: Interval, bound: float, n: int) -> int:
    """How many examples would show on which side of `bound` the truth is.

    So many that the 95 % interval keeps clear of it in 4 of 5 samples, if `found`, from
    `n` examples, is the truth: n ((1.96 + 0.84) s / (value - bound))^2, s being the
    standard error. With paired answers that is the sample size of Liu et al., 2002
    (https://doi.org/10.1002/sim.1012), at the discordance that was observed.
    """
    distance = found.value - bound
    reach = found.value - found.low if distance > 0 else found.high - found.value
    return math.ceil(n * ((1 + Z_POWER / Z) * reach / distance) ** 2)


def over_seeds(found: Sequence[Interval]) -> Interval:
    """The mean over a recipe's seeds; its interval holds both rows and seeds to chance.

    `found` are at least two, on the same examples. Each side is the mean side of the
    intervals, which are over examples, and Student's t interval over the seeds, added
    as squares: seeds and examples are crossed, and vary independently.
    """
    from scipy.stats import t

    values = np.array([each.value for each in found])
    spread = values.std(ddof=1) * t.ppf(0.975, len(values) - 1) / math.sqrt(len(values))
    below = float(np.mean([each.value - each.low for each in found]))
    above = float(np.mean([each.high - each.value for each in found]))
    mean = float(values.mean())
    return Interval(
        mean, mean - math.hypot(below, spread), mean + math.hypot(above, spread)
    )


def ratio(own: np.ndarray, baseline: np.ndarray) -> Interval:
    """own / baseline from paired rounds: geometric mean, with a t-like interval.

    Arrays are positive floats [rounds]; the interval is of the mean log ratio.
    """
    from scipy.stats import t

    logs = np.log(own / baseline)
    half = float(t.ppf(0.975, len(logs) - 1)) * logs.std(ddof=1) / math.sqrt(len(logs))
    middle = float(logs.mean())
    return Interval(math.exp(middle), math.exp(middle - half), math.exp(middle + half))
