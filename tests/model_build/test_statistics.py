"""Intervals against published values, and the paired test against its definition."""

from __future__ import annotations

import numpy as np
import pytest

from model_build import statistics
from model_build.statistics import (
    Interval,
    compare,
    macro_f1,
    mcnemar,
    needed,
    over_seeds,
    wilson,
)
from model_build.tasks import Judged


def classified(truth: np.ndarray, guess: np.ndarray, classes: int) -> Judged:
    """A classifier's answers, each of them sure."""
    return Judged(
        [{"label": str(each)} for each in guess],
        {"accuracy": (truth == guess).astype(np.float64)},
        np.eye(classes, dtype=np.float32)[guess],
    )


def scored(**figures: np.ndarray) -> Judged:
    """Answers in words, which are as right as they say."""
    right = next(iter(figures.values()))
    return Judged(
        [{"answer": str(each)} for each in right],
        {name: each.astype(np.float64) for name, each in figures.items()},
    )


def width(found: Interval) -> float:
    return found.high - found.low


def test_wilson_s_interval_is_the_published_one() -> None:
    """Newcombe, 1998, table I: 81 of 263."""
    found = wilson(81, 263)
    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)


def test_wilson_s_interval_stays_within_a_share() -> None:
    assert wilson(0, 10).low == 0.0
    assert 0.999 < wilson(10, 10).high <= 1.0


def test_macro_f1_is_the_mean_over_classes() -> None:
    truth, guess = np.array([0, 0, 0, 1, 2]), np.array([0, 0, 1, 1, 1])
    assert macro_f1(truth, guess, 3) == pytest.approx((0.8 + 0.5 + 0.0) / 3)


@pytest.mark.parametrize(
    ("better", "worse", "p"),
    [(0, 0, 1.0), (5, 5, 1.0), (0, 6, 2 / 64), (1, 9, 2 * 11 / 1024)],
)
def test_mcnemar_is_the_two_sided_binomial(better: int, worse: int, p: float) -> None:
    assert mcnemar(better, worse) == pytest.approx(p)


@pytest.mark.parametrize("n", [30, 300, 3000])
def test_equal_answers_to_few_examples_do_not_show_equal_models(n: int) -> None:
    """No difference seen in n may still be one of 3 in n ("rule of three").

    Red if no example is added to the resampled ones: the interval is [0, 0] then.
    """
    truth = np.random.default_rng(2).integers(0, 3, n)
    guess = np.random.default_rng(1).integers(0, 3, n)
    same = classified(truth, guess, 3)
    found = compare(same, same, truth, resamples=2000, seed=1)
    assert found.p_value == 1.0
    for figure in found.figures.values():
        assert figure.difference.value == 0.0
        assert figure.retained.value == 1.0
        assert -4.5 / n < figure.difference.low < -1.5 / n
        assert 1.5 / n < figure.difference.high < 4.5 / n


def test_the_interval_holds_the_truth_in_19_of_20() -> None:
    """A classifier that is right in 80 % has a macro-F1 of 0.8 on balanced classes."""
    held = 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        truth = random.integers(0, 2, 400)
        guess = np.where(random.random(400) < 0.8, truth, 1 - truth)
        own, all_right = classified(truth, guess, 2), classified(truth, truth, 2)
        found = compare(own, all_right, truth, resamples=400, seed=seed)
        held += found.figures["macro_f1"].own.low <= 0.8 <= found.figures["macro_f1"].own.high  # fmt: skip
    assert 89 <= held <= 99


def test_a_mean_of_shares_has_the_interval_that_theory_gives() -> None:
    """F1 of words: neither 0 nor 1. Red if the resamples are of another size."""
    random = np.random.default_rng(3)
    base = random.beta(2, 1, 2000)
    own = np.clip(base + random.normal(-0.05, 0.2, 2000), 0, 1)
    judged = [scored(exact_match=np.floor(v), f1=v) for v in (own, base)]
    found = compare(*judged, np.full(2000, -1), resamples=4000, seed=1).figures["f1"]
    expected = 2 * 1.96 * (own - base).std() / np.sqrt(2000)
    assert width(found.difference) == pytest.approx(expected, rel=0.06)
    assert width(found.own) == pytest.approx(2 * 1.96 * own.std() / 2000**0.5, rel=0.06)


def test_questions_on_one_context_count_as_one_draw() -> None:
    """Each example five times over is no more evidence than once.

    Red if clusters are ignored: the interval is 2.2 times too narrow then.
    """
    random = np.random.default_rng(4)
    own, base = (random.random(400) < 0.7, random.random(400) < 0.7)
    once = [scored(exact_match=v) for v in (own, base)]
    five = [scored(exact_match=np.tile(v, 5)) for v in (own, base)]
    places = np.tile(np.arange(400), 5)
    alone = compare(*once, np.full(400, -1), resamples=4000, seed=1)
    drawn = compare(
        *five, np.full(2000, -1), resamples=4000, seed=1, clusters=places
    ).figures["exact_match"]
    expected = alone.figures["exact_match"]
    assert drawn.difference.value == pytest.approx(expected.difference.value)
    assert width(drawn.difference) == pytest.approx(width(expected.difference), rel=0.1)
    assert width(drawn.own) == pytest.approx(width(expected.own), rel=0.1)


def test_agreement_is_the_share_of_answers_alike_right_or_wrong() -> None:
    """Red if only right answers count, or an interval is of one model's own figure."""
    truth = np.zeros(200, int)
    own, other = (np.where(np.arange(200) < n, 2, 1) for n in (50, 60))
    judged = [classified(truth, guess, 3) for guess in (own, other)]
    found = compare(*judged, truth, resamples=200, seed=1).agreement
    assert found == wilson(190, 200)


def test_many_resamples_are_drawn_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory stays bounded, and no resample is lost."""
    monkeypatch.setattr(statistics, "CHUNK", 50)
    assert statistics._sizes(7, 20) == [2, 2, 2, 1]
    assert statistics._sizes(4, 20) == [2, 2]
    assert statistics._sizes(2, 1000) == [1, 1]


def test_the_examples_that_are_needed_are_those_of_the_textbook() -> None:
    """5 % of answers change either way, margin 2 points: (1.96 + 0.84)^2 0.05 / 0.02^2."""
    half = 1.959964 * (0.05 / 500) ** 0.5
    found = Interval(0.0, -half, half)
    assert needed(found, -0.02, 500) == pytest.approx(7.849 * 0.05 / 0.02**2, abs=1)


@pytest.mark.tf  # scipy is installed on the build side
def test_a_mean_over_seeds_holds_both_kinds_of_chance() -> None:
    """Student's t with 2 degrees of freedom is 4.303; red if seeds or rows are left out."""
    each = [Interval(v, v - 0.01, v + 0.02) for v in (0.90, 0.91, 0.92)]
    found = over_seeds(each)
    spread = 4.303 * 0.01 / 3**0.5
    assert found.value == pytest.approx(0.91)
    assert found.low == pytest.approx(0.91 - (spread**2 + 0.01**2) ** 0.5, abs=1e-5)
    assert found.high == pytest.approx(0.91 + (spread**2 + 0.02**2) ** 0.5, abs=1e-5)
