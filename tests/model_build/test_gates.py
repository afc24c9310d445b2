"""What gates let through: simulated builds of models whose true quality is known."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, get_args

import msgspec
import numpy as np
import pytest

from model_build.bounds import MEASURES, Gate, Measure
from model_build.gates import Found, check, explain, judge
from model_build.statistics import Interval, compare
from model_build.tasks import Judged

NOT_INFERIOR = Gate(measure="accuracy", margin=0.02)


class Measured:
    """One figure of a variant, with its interval."""

    def __init__(self, **found: Found) -> None:
        self._found: Mapping[str, Found] = found

    def find(self, measure: str) -> Found | None:
        return self._found.get(measure)

    def difference(self, measure: str) -> Found | None:
        return self._found.get(f"{measure}_difference")


def simulated(
    builds: int, n: int, *, drop: float, discordance: float
) -> list[Interval]:
    """The difference that each of some builds finds, on its own n examples.

    The baseline is right in 90 %; `discordance` is the share of examples that just one
    of the two models has right.
    """
    lost, won = (discordance + drop) / 2, (discordance - drop) / 2
    shares = [0.9 - lost, lost, won, 0.1 - won]
    kinds = np.repeat([[1, 1], [0, 1], [1, 0], [0, 0]], 1, axis=0).astype(float)
    random = np.random.default_rng(20)
    found = []
    for seed in range(builds):
        rows = np.repeat(kinds, random.multinomial(n, shares), axis=0)
        own, base = (
            Judged([{"label": str(each)} for each in column], {"accuracy": column})
            for column in rows.T
        )
        result = compare(own, base, np.zeros(n, int), resamples=1000, seed=seed)
        found.append(result.figures["accuracy"].difference)
    return found


def blocked(differences: list[Interval], n: int) -> float:
    """The share of builds that the gate stops."""
    evidence = [Measured(accuracy_difference=Found(d.value, d, n)) for d in differences]
    return float(np.mean([not check(NOT_INFERIOR, e, "").passed for e in evidence]))


@pytest.mark.parametrize("discordance", [0.03, 0.06])
def test_a_true_drop_of_two_points_is_blocked_in_95_of_100_builds(
    discordance: float,
) -> None:
    """Red if the estimate is compared with the margin, or an interval of 90 % is."""
    found = simulated(600, 2000, drop=0.02, discordance=discordance)
    assert blocked(found, 2000) >= 0.95


@pytest.mark.parametrize("discordance", [0.02, 0.06])
def test_equal_models_are_blocked_in_at_most_5_of_100_builds(
    discordance: float,
) -> None:
    """Red if the interval is much wider than its 95 %: the gate has lost its power."""
    found = simulated(600, 2000, drop=0.0, discordance=discordance)
    assert blocked(found, 2000) <= 0.05


def test_so_many_examples_as_were_asked_for_decide_in_4_of_5_builds() -> None:
    """The promise of `needs n >=`: red if the power or the discordance is left out."""
    few = 300
    half = 1.96 * math.sqrt(0.08 / few)
    found = Found(0.0, Interval(0.0, -half, half), few)
    result = check(NOT_INFERIOR, Measured(accuracy_difference=found), "")
    assert result.outcome == "not enough evidence"
    assert result.needs is not None
    at_that = simulated(400, result.needs, drop=0.0, discordance=0.08)
    assert 0.14 < blocked(at_that, result.needs) < 0.26


def test_twenty_equal_answers_are_not_enough_evidence() -> None:
    """No answer changed, and yet the models may differ by more than the margin."""
    (difference,) = simulated(1, 20, drop=0.0, discordance=0.0)
    found = Measured(accuracy_difference=Found(difference.value, difference, 20))
    result = check(NOT_INFERIOR, found, "")
    assert explain(result).startswith("not enough evidence: needs n >= ")
    assert not result.passed


SURE = Found(0.95, Interval(0.95, 0.94, 0.96), 1000)


@pytest.mark.parametrize(
    ("gate", "outcome"),
    [
        ({"at_least": 0.95}, "passed"),
        ({"at_least": 0.951}, "failed"),
        ({"at_least": 0.94, "interval": True}, "passed"),
        ({"at_least": 0.945, "interval": True}, "not enough evidence"),
        ({"at_least": 0.951, "interval": True}, "failed"),
    ],
)
def test_a_gate_bounds_the_estimate_or_the_whole_interval(
    gate: dict[str, Any], outcome: str
) -> None:
    """Red if `interval` is not looked at, or looked at from the wrong side."""
    result = check(Gate(measure="accuracy", **gate), Measured(accuracy=SURE), "")
    assert result.outcome == outcome
    assert result.passed == (outcome == "passed")
    assert (result.needs is None) == (outcome != "not enough evidence")


@pytest.mark.parametrize(("most", "outcome"), [(9.0, "passed"), (8.9, "failed")])
def test_a_gate_bounds_a_size_from_above(most: float, outcome: str) -> None:
    result = check(Gate(measure="bytes", at_most=most), Measured(bytes=Found(9.0)), "")
    assert (result.outcome, result.bound) == (outcome, f"at most {most:g}")


def test_what_was_not_measured_does_not_pass() -> None:
    for gate in (Gate(measure="p99_ms", at_most=1e5), NOT_INFERIOR):
        (result,) = judge([gate], Measured(accuracy=SURE), None)
        assert (result.outcome, result.passed) == ("not measured", False)


def test_an_interval_that_is_missing_does_not_pass() -> None:
    gate = Gate(measure="p50_speedup", at_least=1.0, interval=True)
    (result,) = judge([gate], Measured(p50_speedup=Found(3.0)), None)
    assert (result.outcome, result.passed) == ("not enough evidence", False)


def test_a_gate_that_asks_for_seeds_holds_for_the_released_one_and_for_their_mean() -> (
    None
):
    """Red if only one of the two is judged: a lucky seed ships then, or an unlucky one."""
    gate = Gate(measure="accuracy", at_least=0.9, seeds=5)
    lucky, poor = Measured(accuracy=SURE), Measured(accuracy=Found(0.85))
    assert [r.passed for r in judge([gate], lucky, lucky)] == [True, True]
    assert [r.passed for r in judge([gate], lucky, poor)] == [True, False]
    assert [r.passed for r in judge([gate], poor, lucky)] == [False, True]
    assert [r.outcome for r in judge([gate], lucky, None)] == ["passed", "not measured"]


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        ({"measure": "accuracy"}, "gate accuracy: give at_least or margin"),
        ({"measure": "bytes"}, "gate bytes: give at_most"),
        ({"measure": "accuracy", "at_least": 0.9, "margin": 0.1}, ", not both"),
        # The wrong side.
        (
            {"measure": "accuracy", "at_most": 0.9},
            "more of it is better: give at_least",
        ),
        ({"measure": "p50_speedup", "at_most": 3}, "more of it is better: give at_lea"),
        (
            {"measure": "bytes", "at_least": 9},
            "at_least: 9: less of it is better: give",
        ),
        (
            {"measure": "f1", "at_least": 0.5, "at_most": 0.9},
            "at_most: 0.9: more of it",
        ),
        # What a measure cannot be.
        (
            {"measure": "accuracy_retained", "at_least": 97},
            "at_least: 97 is not from 0 to 1.5 (share of the baseline's)",
        ),
        (
            {"measure": "accuracy", "at_least": 1.01},
            "1.01 is not from 0 to 1 (share of",
        ),
        ({"measure": "f1", "at_least": -0.1}, "at_least: -0.1 is not from 0"),
        ({"measure": "f1", "at_least": math.nan}, "at_least: nan is not from 0"),
        (
            {"measure": "bytes_ratio", "at_most": 25},
            "at_most: 25 is not above 0 and up to 1.5",
        ),
        ({"measure": "memory_mib", "at_most": 0}, "at_most: 0 is not above 0"),
        ({"measure": "p99_ms", "at_most": math.inf}, "at_most: inf is not above 0"),
        ({"measure": "p99_ms", "at_most": math.nan}, "at_most: nan is not above 0"),
        ({"measure": "bytes", "margin": 0.1}, "margin: 0.1: only accuracy, macro_f1"),
        ({"measure": "accuracy_retained", "margin": 0.1}, "margin: 0.1: only"),
        ({"measure": "accuracy", "margin": 0.0}, "Expected `float` > 0.0"),
        ({"measure": "accuracy", "margin": 1.0}, "Expected `float` < 1.0"),
        ({"measure": "p99_ms", "at_most": 9, "seeds": 3}, "seeds: 3: speed and size"),
        ({"measure": "accuracy", "at_least": 0.9, "seeds": 0}, "Expected `int` >= 1"),
        ({"measure": "accuracy", "at_least": 0.9, "seeds": 21}, "Expected `int` <= 20"),
        (
            {"measure": "memory_mib", "at_most": 9, "interval": True},
            "interval: true: it is measured without one",
        ),
    ],
)
def test_a_gate_that_means_nothing_is_refused(
    gate: dict[str, Any], message: str
) -> None:
    with pytest.raises(msgspec.ValidationError, match=re.escape(message)):
        msgspec.convert(gate, Gate)


@pytest.mark.parametrize("measure", get_args(Measure))
def test_every_measure_can_be_bounded_from_its_better_side_only(
    measure: Measure,
) -> None:
    """Red if a measure is added without its side, or with the wrong one."""
    asked = Gate(measure=measure, **{MEASURES[measure].side: 1.0})
    assert check(asked, Measured(**{measure: Found(1.0)}), "").passed
    smaller_is_better = "retained" not in measure and any(
        part in measure for part in ("bytes", "parameters", "_ms", "mib", "dollars")
    )
    assert (MEASURES[measure].side == "at_most") == smaller_is_better
