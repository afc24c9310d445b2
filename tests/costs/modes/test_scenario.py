from __future__ import annotations

import pytest

from costs.choosing.objective import Objective
from costs.choosing.queued import _pauses
from costs.choosing.traffic import shape
from costs.modes.scenario import MODES, PATIENCE, awake


@pytest.mark.parametrize("an_hour", [0.5, 1, 3, 6, 10, 20])
def test_a_worker_runs_as_long_as_the_simulation_of_choices_says(
    an_hour: float,
) -> None:
    """There minute by minute, for a month and a half; here as a formula."""
    rate = an_hour / 3600
    objective = Objective(shape("steady").at(rate), 1e9)
    simulated, _ = _pauses(objective, 100.0, 63.0)
    assert awake(rate) == pytest.approx(simulated, rel=0.1)


def test_a_worker_that_nobody_asks_never_runs_and_a_busy_one_always() -> None:
    assert awake(0) == 0
    assert awake(1e-9) == pytest.approx(1e-9 * (15 * 60 + 63), rel=1e-3)
    assert awake(1.0) == 1


def test_modes_are_told_from_the_least_patient_on() -> None:
    order = [PATIENCE.index(mode.patience) for mode in MODES]
    assert order == sorted(order)
