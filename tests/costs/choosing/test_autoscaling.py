from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costs.choosing.autoscaling import Scaling, Service, minutes
from costs.choosing.traffic import Profile

SCALING = Scaling(min_tasks=1, max_tasks=10, target=10.0, start_seconds=62.0)


def ran(rates: list[float], scaling: Scaling = SCALING) -> list[tuple[int, int]]:
    service = Service(scaling, tasks=1)
    found = []
    for rate in rates:
        service.minute(rate)
        found.append((service.running, service.billed))
    return found


def test_tasks_come_after_the_alarm_the_metric_and_their_start() -> None:
    """Three minutes above the target, one until CloudWatch has them, two to start."""
    running = [tasks for tasks, _ in ran([5.0] * 5 + [40.0] * 10)]
    before = running.index(4)
    assert running[:before] == [1] * before
    assert before - 5 + 1 == 3 + 1 + 2


def test_a_task_that_starts_is_paid_for() -> None:
    found = ran([5.0] * 5 + [40.0] * 10)
    first = next(place for place, (_, billed) in enumerate(found) if billed == 4)
    assert found[first] == (1, 4)


def test_a_minute_of_more_adds_nothing() -> None:
    assert {tasks for tasks, _ in ran([5.0] * 5 + [40.0] * 2 + [5.0] * 10)} == {1}


def test_tasks_go_after_a_quarter_of_an_hour_below() -> None:
    running = [tasks for tasks, _ in ran([40.0] * 30 + [8.0] * 30)]
    assert running[29] == 4
    gone = running.index(1, 30) - 30
    assert 15 <= gone <= 18


def test_just_below_the_target_nothing_goes() -> None:
    running = [tasks for tasks, _ in ran([40.0] * 30 + [37.0] * 40)]
    assert set(running[29:]) == {4}


def test_never_more_than_the_bound() -> None:
    assert ran([1000.0] * 30)[-1] == (10, 10)


@given(
    st.lists(st.floats(0, 500), min_size=1, max_size=120),
    st.integers(1, 5),
    st.integers(0, 10),
    st.floats(0, 300),
)
def test_stays_within_its_bounds(
    rates: list[float], least: int, more: int, start: float
) -> None:
    scaling = Scaling(least, least + more, 10.0, start)
    profile = Profile("any", (*rates, 1.0))
    for minute in minutes(profile, scaling):
        assert least <= minute.running <= minute.billed <= least + more


@pytest.mark.parametrize("start", [0.0, 61.0])
def test_a_steady_load_above_the_target_gets_what_it_needs(start: float) -> None:
    scaling = Scaling(1, 50, 10.0, start)
    profile = Profile("any", (*[5.0] * 30, *[95.0] * 60))
    assert minutes(profile, scaling)[-1].running == math.ceil(95 / 10)
