from __future__ import annotations

import statistics
from dataclasses import replace
from random import Random

import pytest

from costs.book import read_book
from costs.choosing.hardware import Machine
from costs.choosing.objective import Objective
from costs.choosing.queued import Queued, _p99, batch, from_zero, poisson
from costs.choosing.traffic import Profile, shape
from tests.costs.choosing.conftest import INT8
from tests.costs.choosing.test_fleet import ONE

BOOK = read_book("us-east-1")
OFTEN, SELDOM = (Objective(shape("steady").at(rate), 100) for rate in (50, 1 / 7200))


@pytest.mark.parametrize("mean", [0.1, 3.0, 49.0, 400.0])
def test_as_many_come_as_the_mean_says(mean: float) -> None:
    random = Random(1)
    drawn = [poisson(mean, random) for _ in range(2_000)]
    assert statistics.mean(drawn) == pytest.approx(mean, rel=0.09)
    assert statistics.variance(drawn) == pytest.approx(mean, rel=0.15)


def queued(objective: Objective, *machines: Machine) -> tuple[float, float]:
    found = from_zero(machines or (ONE,), INT8.service, objective, 1.66, BOOK)
    return found.monthly, found.p99_ms


def test_from_zero_costs_next_to_nothing_while_hardly_anybody_calls() -> None:
    monthly, p99_ms = queued(SELDOM)
    assert monthly < 0.3 * ONE.monthly
    assert p99_ms > 60_000


def test_from_zero_always_runs_where_somebody_always_calls() -> None:
    monthly, p99_ms = queued(OFTEN)
    messages = 50 * 730 * 3600 * 3 / 1e6 * 0.40
    assert monthly == pytest.approx(ONE.monthly + messages, rel=0.01)
    assert 1000 <= p99_ms < 5_000


def test_a_day_in_one_go_pays_for_the_work_alone() -> None:
    found = batch((ONE,), INT8.service, OFTEN)
    share = 50 / (0.9 * 1000 / INT8.service.mean_ms)
    assert found.monthly == pytest.approx(share * ONE.monthly, rel=0.02)
    assert found.p99_ms > 23 * 3.6e6


def test_takes_the_cheapest_machine_that_does_it() -> None:
    cheap = replace(ONE, name="cheap", hourly=0.01)
    assert queued(SELDOM, ONE, cheap) == queued(SELDOM, cheap)
    assert batch((ONE, cheap), INT8.service, OFTEN).machine == cheap


def test_a_small_machine_that_does_it_alone_is_cheaper_than_a_large_one() -> None:
    small, large = replace(ONE, vcpu=0.25, hourly=0.02), replace(ONE, hourly=0.04)
    assert queued(SELDOM, small, large) == queued(SELDOM, small)


def test_where_many_are_needed_what_each_can_do_counts() -> None:
    small, large = replace(ONE, vcpu=0.25, hourly=0.02), replace(ONE, hourly=0.04)
    busy = Objective(shape("steady").at(1000), 100)
    assert queued(busy, small, large) == queued(busy, large)


CAPACITY = 1000 / INT8.service.mean_ms


def many(profile: Profile) -> Queued:
    return from_zero((ONE,), INT8.service, Objective(profile, 100), 1.66, BOOK)


def test_a_queue_is_worked_off_by_nine_tenths_of_what_machines_can_do() -> None:
    found = many(shape("steady").at(0.95 * CAPACITY))
    assert found.machines == 2
    messages = 0.95 * CAPACITY * 730 * 3600 * 3 / 1e6 * 0.40
    assert found.monthly == pytest.approx(2 * ONE.monthly + messages, rel=0.01)


def test_there_are_enough_machines_for_the_busiest_minute() -> None:
    """In a burst three times the mean comes."""
    assert many(shape("bursts").at(0.8 * CAPACITY)).machines == 3


def test_machines_run_from_their_start_until_nobody_came_for_a_quarter() -> None:
    """All come in the first of a day's minutes: one until the alarm, one to start."""
    found = many(Profile("once", (100.0, *(0.0,) * 1439)))
    assert found.running * 1440 == pytest.approx(1 + 15)
    answered = 120 + 1 + INT8.service.p99_ms / 1000
    assert found.p99_ms == pytest.approx(1000 * answered)


def test_one_in_a_hundred_may_wait_longer_than_the_p99() -> None:
    assert _p99([(5.0, 1.0), (1.0, 99.0)]) == 1
    assert _p99([(5.0, 2.0), (1.0, 98.0)]) == 5


def test_a_server_that_is_ready_late_lets_callers_wait() -> None:
    once = Objective(Profile("once", (100.0, *(0.0,) * 1439)), 100)
    slow = from_zero((ONE,), INT8.service, once, 600.0, BOOK)
    assert slow.p99_ms - many(once.profile).p99_ms == pytest.approx(600_000)


def test_who_waits_longest_waits_for_the_work_too() -> None:
    minutes_long = INT8.service.on(INT8.service.mean_ms / 8_000)
    often = Objective(shape("steady").at(0.05), 100)
    found = from_zero((ONE,), minutes_long, often, 1.66, BOOK)
    assert found.p99_ms > minutes_long.p99_ms


def test_a_day_in_one_go_is_done_within_half_a_day() -> None:
    """Nine tenths of a machine's day are two machines' halves, and callers wait a day."""
    objective = Objective(shape("steady").at(0.81 * CAPACITY), 100)
    found = batch((ONE,), INT8.service, objective)
    assert (found.machines, found.running) == (2, pytest.approx(0.45))
    assert found.p99_ms == pytest.approx((0.99 + 0.45) * 86_400_000)


def test_a_batch_pays_for_the_start_of_its_machine() -> None:
    busy = SELDOM.profile.mean / (0.9 * CAPACITY)
    hand = 730 * 0.05 * (busy + 58 / 86_400)
    found = batch((ONE,), INT8.service, SELDOM)
    assert found.monthly == pytest.approx(hand, rel=1e-6)
