from __future__ import annotations

import math

import pytest

from bench.comparison import ratio


def test_the_ratio_is_of_pairs_so_that_a_slow_round_slows_both() -> None:
    found = ratio([80, 8, 80, 80, 80, 80], [10, 1, 10, 10, 10, 10])
    assert (found.median, found.low, found.high) == (8, 8, 8)


@pytest.mark.parametrize(
    ("rounds", "from_the_end"),
    [(6, 0), (8, 0), (9, 1), (11, 1), (12, 2), (20, 5)],  # tables of the sign test
)
def test_the_interval_is_that_of_the_sign_test(rounds: int, from_the_end: int) -> None:
    found = ratio(list(range(1, rounds + 1)), [1] * rounds)
    assert (found.low, found.high) == (1 + from_the_end, rounds - from_the_end)


def test_too_few_rounds_give_no_interval() -> None:
    found = ratio([8.0] * 5, [1.0] * 5)
    assert (found.median, found.low, found.high) == (8, 0, math.inf)
