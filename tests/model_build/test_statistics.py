"""Intervals against published values, and the paired test against its definition."""

from __future__ import annotations

import numpy as np
import pytest

from model_build.statistics import compare, macro_f1, mcnemar, wilson


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


def test_equal_answers_differ_by_nothing() -> None:
    answers = np.random.default_rng(1).integers(0, 3, 300)
    truth = np.random.default_rng(2).integers(0, 3, 300)
    found = compare(truth, answers, answers, classes=3, resamples=200, seed=1)
    assert found.p_value == 1.0
    assert (found.retained.low, found.retained.high) == (1.0, 1.0)
    assert (found.difference.low, found.difference.high) == (0.0, 0.0)


def test_the_interval_holds_the_truth_in_19_of_20() -> None:
    """A classifier that is right in 80 % has a macro-F1 of 0.8 on balanced classes."""
    held = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        truth = random.integers(0, 2, 400)
        guess = np.where(random.random(400) < 0.8, truth, 1 - truth)
        found = compare(truth, guess, truth, classes=2, resamples=400, seed=seed)
        held += found.macro_f1.low <= 0.8 <= found.macro_f1.high
    assert held >= 52
