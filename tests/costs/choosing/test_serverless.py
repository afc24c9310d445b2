from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from costs.book import read_book
from costs.choosing.objective import Objective
from costs.choosing.processors import LAMBDA
from costs.choosing.serverless import IDLE_SECONDS, Functions, _cold_at, functions
from costs.choosing.traffic import Profile, shape
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
    start_and_work = (1660 + INT8.service.mean_ms) / LAMBDA.low
    assert found.p99_ms == pytest.approx(start_and_work, rel=1e-4)
    assert "start a function" in (found.reason or "")
    assert function(1 / 3600, p99_ms=5000).reason is None


def test_half_a_vcpu_takes_twice_as_long() -> None:
    assert function(50, memory_mb=885).p99_ms > 1.8 * function(50).p99_ms


def test_more_memory_than_a_vcpu_has_makes_no_request_faster() -> None:
    assert function(50, memory_mb=10240).p99_ms == function(50).p99_ms


def test_a_model_needs_its_memory_and_a_quarter_more() -> None:
    objective = Objective(shape("steady").at(1), 100)
    large = replace(SERVING, memory_mib=1_500)
    sizes = [
        each.memory_mb for each in functions(large, INT8.service, objective, 1.66, BOOK)
    ]
    assert sizes == [3008, 5120, 10240]


def test_who_starts_a_function_leaves_fewer_slow_warm_ones_within_the_p99() -> None:
    """0.7 % cold starts: of the warm ones only 0.3 % may be slower than the p99."""
    rare, never = function(0.0165), function(50)
    assert 0.005 < rare.cold < 0.009
    assert rare.p99_ms > never.p99_ms
    assert rare.p99_ms < rare.cold_ms


def test_a_function_too_slow_even_when_warm_says_so() -> None:
    just_too_slow = 0.97 * function(50).p99_ms
    reason = function(50, p99_ms=just_too_slow).reason or ""
    assert reason.endswith("% of requests are late even in a warm function")


def test_cold_starts_count_by_requests_not_by_minutes() -> None:
    """Nine minutes without hardly anybody, one with 600 requests a second."""
    profile = Profile("lonely", (*(1e-4,) * 9, 600.0))
    (found, *_) = functions(SERVING, INT8.service, Objective(profile, 100), 1.66, BOOK)
    assert found.cold < 0.001


def test_more_at_once_than_an_account_may_is_refused() -> None:
    assert "above the quota of 1,000" in (function(200_000).reason or "")


def test_an_accounts_quota_must_hold_at_the_peak() -> None:
    """60,000 a second are 409 at once on average, and 1,228 in a burst."""
    bursts = Objective(shape("bursts").at(60_000), 100)
    found = functions(SERVING, INT8.service, bursts, 1.66, BOOK)
    (one,) = (each for each in found if each.memory_mb == 1769)
    assert (one.reason or "").startswith("1,228 functions at once")


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
