"""The search for the highest rate, on servers made of arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from bench.serving.offered import OfferError
from bench.serving.search import Window, highest


def taken(rate: float, *, p99_ms: float, kept: bool = True) -> Window:
    count = int(rate)
    return Window(
        "x", 1, rate, count, count, 0, 0, 0, 0, 1.0, p99_ms, 0.5, 0.1, 1.0, kept, 1.0
    )


def server(capacity: float) -> Callable[[float], Window]:
    """In time up to its capacity; hopeless above."""
    return lambda rate: taken(rate, p99_ms=20 if rate <= capacity else math.inf)


@pytest.mark.parametrize("capacity", [9.0, 40.0, 517.0, 3000.0])
@pytest.mark.parametrize("start", [5.0, 100.0, 2000.0])
def test_closes_in_from_below_and_from_above(capacity: float, start: float) -> None:
    best = highest(server(capacity), start, slo_ms=100, step=1.5, finest=1.04)
    assert capacity / 1.04 <= best.rate <= capacity


def test_a_late_client_is_not_a_pass() -> None:
    def measure(rate: float) -> Window:
        return taken(rate, p99_ms=20, kept=rate <= 100)

    best = highest(measure, 50, slo_ms=100, step=1.5, finest=1.04)
    assert best.kept_schedule
    assert best.rate <= 100


def test_one_hiccup_does_not_fail_a_rate_that_may_fail_once() -> None:
    rates: list[float] = []

    def hiccup(rate: float) -> Window:
        rates.append(rate)
        return taken(rate, p99_ms=500 if len(rates) == 1 or rate > 200 else 20)

    best = highest(hiccup, 100, slo_ms=100, step=1.5, finest=1.04, tries=2)
    assert rates[:2] == [100, 100]
    assert 190 < best.rate <= 200


def test_offers_no_more_than_it_may() -> None:
    rates: list[float] = []

    def measure(rate: float) -> Window:
        rates.append(rate)
        return taken(rate, p99_ms=20)

    best = highest(measure, 50, slo_ms=100, step=1.5, finest=1.04, most=180)
    assert best.rate == max(rates) == 180


def test_says_which_server_is_never_in_time() -> None:
    with pytest.raises(OfferError, match="x: under 4 a second in time"):
        highest(server(0), 50, slo_ms=100, step=2, finest=1.1)
