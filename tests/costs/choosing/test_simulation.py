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
