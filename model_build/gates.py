"""Whether the released variant may ship: each gate, what was found, and what follows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from model_build.bounds import Gate, figure
from model_build.statistics import Compared, Interval, needed

Outcome = Literal["passed", "failed", "not enough evidence", "not measured"]


@dataclass(frozen=True)
class Found:
    """What was measured of a variant for one gate."""

    value: float
    interval: Interval | None = None  # at 95 %
    n: int = 0  # examples, or rounds of load, behind the interval


@dataclass(frozen=True)
class GateResult:
    measure: str
    bound: str
    found: float | None
    interval: Interval | None
    outcome: Outcome
    needs: int | None  # examples (rounds of load for a speed-up) that would decide it
    passed: bool


class Evidence(Protocol):
    """What gates are checked against: one variant, or one recipe over its seeds."""

    def find(self, measure: str) -> Found | None: ...

    def difference(self, measure: str) -> Found | None:
        """Return a figure less the baseline's."""
        ...


def find_figure(figures: Mapping[str, Compared], measure: str, n: int) -> Found | None:
    """What was found of a figure, or of what it retains of the baseline's."""
    name = measure.removesuffix("_retained")
    if name not in figures:
        return None
    each = figures[name]
    found = each.retained if measure != name else each.own
    return Found(found.value, found, n)


def find_difference(
    figures: Mapping[str, Compared], measure: str, n: int
) -> Found | None:
    if measure not in figures:
        return None
    found = figures[measure].difference
    return Found(found.value, found, n)


def judge(
    gates: Sequence[Gate], released: Evidence, repeated: Evidence | None
) -> list[GateResult]:
    """Check the variant that is to ship; and, where a gate asks, its recipe's seeds."""
    results = []
    for gate in gates:
        results.append(check(gate, released, ""))
        if gate.seeds > 1:
            results.append(check(gate, repeated, ", mean over seeds"))
    return results


def check(gate: Gate, evidence: Evidence | None, of: str) -> GateResult:
    """Hold one gate against what was found; what is missing or unsure does not pass."""
    name = f"{gate.measure}{of}"
    if gate.margin is not None:
        name = f"{name}, less the baseline's"
        found = evidence.difference(gate.measure) if evidence else None
    else:
        found = evidence.find(gate.measure) if evidence else None
    if found is None:
        return _result(gate, name, None, "not measured")
    low, high = _reach(gate, found)
    least, most = _bounds(gate)
    if least <= low and high <= most:
        return _result(gate, name, found, "passed")
    if least < found.value < most:
        return _result(gate, name, found, "not enough evidence")
    return _result(gate, name, found, "failed")


def _bounds(gate: Gate) -> tuple[float, float]:
    if gate.margin is not None:
        return -gate.margin, math.inf
    least = -math.inf if gate.at_least is None else gate.at_least
    return least, math.inf if gate.at_most is None else gate.at_most


def _reach(gate: Gate, found: Found) -> tuple[float, float]:
    """The lowest and the highest value that must be within the bounds."""
    if gate.margin is None and not gate.interval:
        return found.value, found.value
    if found.interval is None:
        return -math.inf, math.inf
    return found.interval.low, found.interval.high


def _result(gate: Gate, name: str, found: Found | None, outcome: Outcome) -> GateResult:
    least, most = _bounds(gate)
    is_least = math.isfinite(least)
    bound = f"at least {figure(least, 6)}" if is_least else f"at most {figure(most, 6)}"
    needs = None
    if outcome == "not enough evidence" and found is not None and found.interval:
        needs = needed(found.interval, least, found.n)  # no size has an interval
    return GateResult(
        measure=name,
        bound=f"{bound}{_how(gate)}",
        found=None if found is None else found.value,
        interval=None if found is None else found.interval,
        outcome=outcome,
        needs=needs,
        passed=outcome == "passed",
    )


def _how(gate: Gate) -> str:
    by_interval = gate.margin is not None or gate.interval
    return " by the whole 95 % interval" if by_interval else ""


def explain(result: GateResult) -> str:
    """Return the outcome in words: `not enough evidence: needs n >= 3,120`."""
    if result.needs is None:
        return result.outcome
    return f"{result.outcome}: needs n >= {result.needs:,}"
