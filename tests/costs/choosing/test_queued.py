from __future__ import annotations

import statistics
from dataclasses import replace
from random import Random

import pytest

from costs.book import read_book
from costs.choosing.hardware import Machine
from costs.choosing.objective import Objective
from costs.choosing.queued import batch, from_zero, poisson
from costs.choosing.traffic import shape
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
