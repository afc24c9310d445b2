from __future__ import annotations

import pytest

from costs.choosing import queueing, simulation
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


class Shrinking:
    """A service of three tasks, of which two stop after two minutes."""

    billed, passed = 3, 0

    @property
    def running(self) -> int:
        return 3 if self.passed < 2 else 1

    def minute(self, requests_per_second: float) -> None:
        self.passed += 1


def test_a_task_that_was_stopped_answers_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What three do easily is too much for one."""
    monkeypatch.setattr(simulation, "_settled", lambda *asked: Shrinking())
    busy = Profile("busy", (95.0,) * 4)
    found = simulate(SERVER, Scaling(1, 3, 70.0, 0.0), busy, p99_ms=45)
    assert 0.1 < found.late < 0.5


def test_tasks_that_start_are_paid_for() -> None:
    scaling = Scaling(1, 5, 70.0, 600.0)
    found = simulate(SERVER, scaling, WAVES, p99_ms=45)
    passed = minutes(WAVES, scaling)
    billed = sum(minute.billed for minute in passed) / len(passed)
    assert found.billed == pytest.approx(billed, rel=0.05)
    assert sum(minute.running for minute in passed) / len(passed) < 0.9 * billed
