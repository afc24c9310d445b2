from __future__ import annotations

import pytest

from costs.choosing import queueing
from costs.choosing.autoscaling import Scaling, minutes
from costs.choosing.fleet import Lateness
from costs.choosing.queueing import Server
from costs.choosing.simulation import simulate
from costs.choosing.traffic import Profile
from tests.costs.choosing.test_fleet import TEN_MS

SERVER = Server(TEN_MS, 1.0)
FLAT = Profile("flat", (180.0,) * 3)
WAVES = Profile("waves", (*(60.0,) * 20, *(180.0,) * 20))


def test_a_fleet_is_as_late_as_its_load_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Red if requests are not spread over the tasks, or loads are looked up wrongly."""
    monkeypatch.setattr(queueing, "REQUESTS", 12_000)  # far from a bound, too
    for tasks in (2, 3):
        scaling = Scaling(tasks, tasks, 100.0, 60.0)
        found = simulate(SERVER, scaling, FLAT, p99_ms=45)
        reckoned = Lateness(SERVER, 45).share(minutes(FLAT, scaling))
        assert found.late == pytest.approx(reckoned, rel=0.2, abs=0.004)
        assert found.requests == pytest.approx(180 * 180, rel=0.03)
        assert found.billed == tasks


def test_a_service_that_scales_is_paid_for_as_minutes_say() -> None:
    scaling = Scaling(1, 5, 70.0, 60.0)
    found = simulate(SERVER, scaling, WAVES, p99_ms=45)
    passed = minutes(WAVES, scaling)
    billed = sum(minute.billed for minute in passed) / len(passed)
    assert found.billed == pytest.approx(billed, rel=0.15)


def test_gives_up_once_too_many_are_late() -> None:
    found = simulate(SERVER, Scaling(1, 1, 100.0, 0.0), FLAT, p99_ms=45, give_up=0.01)
    assert found.late == 1.0
    assert found.requests < 180 * 180 / 2
    assert found.billed == 1


def test_a_task_that_was_stopped_answers_nobody() -> None:
    """Three tasks become one, which then has 65 of the 100 a second it can do."""
    scaling = Scaling(1, 5, 70.0, 0.0)
    ebb = Profile("ebb", (*(180.0,) * 8, *(65.0,) * 32))
    found = simulate(SERVER, scaling, ebb, p99_ms=45)
    passed = minutes(ebb, scaling)
    assert (passed[0].running, passed[-1].running) == (1, 1)
    assert max(minute.running for minute in passed) == 3
    reckoned = Lateness(SERVER, 45).share(passed)
    assert found.late == pytest.approx(reckoned, rel=0.25)


def test_tasks_that_start_are_paid_for() -> None:
    scaling = Scaling(1, 5, 70.0, 600.0)
    found = simulate(SERVER, scaling, WAVES, p99_ms=45)
    passed = minutes(WAVES, scaling)
    billed = sum(minute.billed for minute in passed) / len(passed)
    assert found.billed == pytest.approx(billed, rel=0.05)
    assert sum(minute.running for minute in passed) / len(passed) < 0.9 * billed
