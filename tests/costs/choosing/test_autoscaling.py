from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

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


TWENTY = Scaling(min_tasks=1, max_tasks=20, target=10.0, start_seconds=0.0)


@pytest.mark.parametrize(("rate", "tasks"), [(109.0, 12), (107.0, 11)])
def test_a_task_goes_once_the_load_is_below_nine_tenths(
    rate: float, tasks: int
) -> None:
    """Of 12 tasks at 10 requests a second each: 108."""
    assert ran([120.0] * 30 + [rate] * 40, TWENTY)[-1] == (tasks, tasks)


def test_as_many_stay_as_the_busiest_minute_of_the_quarter_needs() -> None:
    assert ran([40.0] * 30 + [8.0, 25.0] * 20, TWENTY)[-1] == (3, 3)


def test_between_two_steps_down_lie_five_minutes() -> None:
    falling = [max(10.0, 170.0 - 5 * minute) for minute in range(60)]
    billed = [tasks for _, tasks in ran([200.0] * 30 + falling, TWENTY)]
    steps = [i for i in range(31, len(billed)) if billed[i] < billed[i - 1]]
    assert len(steps) > 3
    assert {after - before for before, after in pairwise(steps)} == {5}


def test_while_it_rises_tasks_are_added_each_minute() -> None:
    rising = [5.0 + 15 * minute for minute in range(13)]
    billed = [tasks for _, tasks in ran(rising, TWENTY)]
    first = next(i for i, tasks in enumerate(billed) if tasks > 1)
    assert billed[first:] == sorted(set(billed[first:]))


def test_nobody_is_stopped_while_others_start() -> None:
    """A start of half an hour outlasts the quarter after which tasks go."""
    slow = Scaling(1, 20, 10.0, 1800.0)
    found = ran([5.0] * 5 + [100.0] * 4 + [5.0] * 60, slow)
    assert {running for running, _ in found[:35]} == {1}
    assert found[-1] == (1, 1)


def test_the_fewest_stay_though_nobody_calls() -> None:
    assert ran([95.0] * 30 + [0.0] * 60, replace(SCALING, min_tasks=3))[-1] == (3, 3)


def test_never_more_than_the_bound() -> None:
    assert ran([1000.0] * 30)[-1] == (10, 10)


@given(
    st.lists(st.floats(0, 500), min_size=1, max_size=120),
    st.integers(1, 5),
    st.integers(0, 10),
    st.floats(0, 3000),
)
def test_stays_within_its_bounds(
    rates: list[float], least: int, more: int, start: float
) -> None:
    scaling = Scaling(least, least + more, 10.0, start)
    profile = Profile("any", (*rates, 1.0))
    for minute in minutes(profile, scaling):
        assert least <= minute.running <= minute.billed <= least + more


def test_a_profile_begins_as_what_came_before_it_leaves_the_service() -> None:
    """It repeats itself: before its first minute lies its last."""
    profile = Profile("any", (*[5.0] * 300, *[95.0] * 60))
    first, *_ = minutes(profile, Scaling(1, 50, 10.0, 61.0))
    assert first == (5.0, 10, 10)


def test_minutes_tell_who_runs_from_who_is_paid_for() -> None:
    profile = Profile("any", (*[5.0] * 60, *[95.0] * 60))
    passed = minutes(profile, Scaling(1, 50, 10.0, 121.0))
    rise = [(minute.running, minute.billed) for minute in passed[60:70]]
    assert rise.count((1, 10)) == 3  # minutes that a task takes to start


@pytest.mark.parametrize("start", [0.0, 61.0])
def test_a_steady_load_above_the_target_gets_what_it_needs(start: float) -> None:
    scaling = Scaling(1, 50, 10.0, start)
    profile = Profile("any", (*[5.0] * 30, *[95.0] * 60))
    assert minutes(profile, scaling)[-1].running == math.ceil(95 / 10)
