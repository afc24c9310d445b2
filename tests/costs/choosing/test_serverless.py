from __future__ import annotations

from random import Random

import pytest

from costs.book import read_book
from costs.choosing.objective import Objective
from costs.choosing.processors import LAMBDA
from costs.choosing.serverless import IDLE_SECONDS, Functions, _cold_at, functions
from costs.choosing.traffic import shape
from tests.costs.choosing.conftest import INT8, SERVING

BOOK = read_book("us-east-1")


def function(rate: float, p99_ms: float = 100, memory_mb: int = 1769) -> Functions:
    objective = Objective(shape("steady").at(rate), p99_ms)
    found = functions(SERVING, INT8.service, objective, 1.66, BOOK)
    (one,) = (each for each in found if each.memory_mb == memory_mb)
    return one


def test_costs_what_was_worked_out_by_hand() -> None:
    # 4.0933 ms on a vCPU of 0.6, and half a millisecond of rounding: 7.322 ms.
    found = function(50)
    assert found.cold < 1e-4
    seconds = 7.322e-3 + found.cold * found.cold_ms / 1000
    millions = 50 * 730 * 3600 / 1e6
    hand = millions * (seconds * 1769 / 1024 * 16.6667 + 0.20)
    assert found.monthly == pytest.approx(hand, rel=0.002)


def test_who_calls_once_an_hour_always_meets_a_cold_start() -> None:
    found = function(1 / 3600)
    assert found.cold > 0.9
    assert found.p99_ms == pytest.approx(1660 / LAMBDA.low, rel=0.01)
    assert "start a function" in (found.reason or "")
    assert function(1 / 3600, p99_ms=5000).reason is None


def test_half_a_vcpu_takes_twice_as_long() -> None:
    assert function(50, memory_mb=885).p99_ms > 1.8 * function(50).p99_ms


def test_a_model_needs_its_memory() -> None:
    objective = Objective(shape("steady").at(1), 100)
    large = SERVING.__class__(**{**SERVING.__dict__, "memory_mib": 2_000})
    sizes = [
        each.memory_mb for each in functions(large, INT8.service, objective, 1.66, BOOK)
    ]
    assert sizes == [3008, 5120, 10240]


def test_more_at_once_than_an_account_may_is_refused() -> None:
    assert "above the quota of 1,000" in (function(200_000).reason or "")


@pytest.mark.parametrize(
    ("rate", "seconds"), [(0.004, 0.2), (0.05, 1.0), (0.5, 0.5), (2.0, 1.5)]
)
def test_as_many_are_cold_as_in_a_simulation(rate: float, seconds: float) -> None:
    """Requests take the environment that was used last; an idle one dies in time."""
    random, now = Random(7), 0.0
    busy_until: list[float] = []  # of each environment, in the order they are tried
    cold, requests = 0, 30_000
    for _ in range(requests):
        now += random.expovariate(rate)
        place = next((i for i, end in enumerate(busy_until) if end <= now), None)
        if place is None or now - busy_until[place] > IDLE_SECONDS:
            cold += 1
        if place is None:
            busy_until.append(now + seconds)
        else:
            busy_until[place] = now + seconds
    assert _cold_at(rate, seconds) == pytest.approx(cold / requests, abs=0.006)
