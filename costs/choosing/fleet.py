"""How many machines of a kind keep the objective, always on or scaled with the load."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial

from costs.choosing import queueing
from costs.choosing.autoscaling import Minute, Scaling, minutes
from costs.choosing.hardware import Machine
from costs.choosing.objective import LATE, LATE_SCALED, LATE_SIMULATED, Objective
from costs.choosing.queueing import STEP, Load, Server, load
from costs.choosing.service_time import ServiceTime
from costs.choosing.simulation import simulate
from costs.choosing.traffic import Profile

MOST = 2_000  # machines of one service
_OVERLOAD = round(1.5 / STEP)  # beyond, all is late
_HALVINGS = 30
_HOPELESS = 3 * LATE  # no look at each request would say otherwise
_CLOSER, _CLOSER_ROUGH = 8, 2  # times the requests
_COARSE = 4  # steps at once, where it is quiet
_WHOLE = 60_000  # requests of a profile that is simulated as a whole,
_SPREADS = 3  # standard deviations between two times: next to none is further off
_SEEDS = (0, 101, 102, 103, 104, 105)  # so often: once may be lucky
_TARGETS = (0.9, 0.75, 0.6, 0.45, 0.3)  # of a machine's capacity


class Lateness:
    """The share of late requests by a server's load."""

    def __init__(self, server: Server, p99_ms: float, closer: int = _CLOSER) -> None:
        self.server, self._p99_ms, self._closer = server, p99_ms, closer
        self._known: dict[int, float] = {0: 0.0}
        self._close = set[int]()  # steps that decide, so looked at closely
        self._quiet = 0  # up to this step next to nobody is late

    def at(self, step: int) -> float:
        if step <= self._quiet:
            return 0.0
        if step > _OVERLOAD:
            return 1.0
        if step not in self._known:
            self._known[step] = self._looked_at(step)
            if self._known[step] < LATE / 100:
                self._quiet = step
        return self._known[step]

    def _looked_at(self, step: int) -> float:
        late = self._load(step).late(self._p99_ms)
        return self._closely(step) if LATE / 3 < late < 3 * LATE else late

    def _closely(self, step: int) -> float:
        """Return what is late by many more requests: what decides must be right."""
        self._close.add(step)
        return self._load(step).late(self._p99_ms)

    def _load(self, step: int) -> Load:
        requests = queueing.REQUESTS * (self._closer if step in self._close else 1)
        return load(self.server, step, requests)

    @cached_property
    def sustained(self) -> float:
        """Requests a second up to which the objective is kept; 0 if it never is."""
        step = _first(lambda s: self.at(s) > LATE_SIMULATED, 1, round(1.2 / STEP)) - 1
        while step and self._closely(step) > LATE_SIMULATED:
            step -= 1
        return step * STEP * self.server.capacity

    def share(self, passed: Iterable[Minute], most: float = 1.0) -> float:
        """Return the share of late requests over all minutes, or one above `most`."""
        weights = self._weights(passed)
        late, allowed = 0.0, most * sum(weights.values())
        # From above, for below a quiet load nothing is looked at.
        for step in sorted(weights, reverse=True):
            late += self.at(step) * weights[step]
            if late > allowed:
                break
        return late / sum(weights.values())

    def _weights(self, passed: Iterable[Minute]) -> dict[int, float]:
        """Return the requests at each step of load, shared out between two of them."""
        a_step, weights = self.server.capacity * STEP, defaultdict[int, float](float)
        for minute in passed:
            rate = minute.requests_per_second
            part, step = math.modf(rate / minute.running / a_step)
            weights[int(step)] += rate * (1 - part)
            if part:
                weights[int(step) + 1] += rate * part
        return weights

    def p99_ms(self, passed: Iterable[Minute]) -> float:
        """Return the time within which 99 % are answered; infinite if too few ever are."""
        weights = defaultdict[int, float](float)
        for step, weight in self._weights(passed).items():
            weights[self._like(step)] += weight
        loads = [(self._load(step), weights[step]) for step in weights if step]
        allowed = LATE * sum(weight for _, weight in loads)

        def is_late(ms: float) -> bool:
            return sum(found.late(ms) * weight for found, weight in loads) > allowed

        low, high = 0.0, max(found.longest_ms for found, _ in loads)
        if is_late(high):
            return math.inf
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if is_late(middle) else (low, middle)
        return high

    def _like(self, step: int) -> int:
        """Return the load that stands for one where it is quiet: a little more of it."""
        if step < self._quiet:
            return min(self._quiet, -(-step // _COARSE) * _COARSE)
        return min(step, _OVERLOAD)


@dataclass(frozen=True)
class Fleet:
    """Machines of one kind behind a load balancer."""

    machine: Machine
    scaling: Scaling
    billed: float  # machines, on average over the profile
    p99_ms: float
    load_percent: int | None  # that stacks/config.py would be told; None if always on

    @property
    def monthly(self) -> float:
        """USD, of the machines alone."""
        return self.billed * self.machine.monthly

    @property
    def spare(self) -> int:
        return spare(self.machine)


def spare(machine: Machine) -> int:
    """Spot takes a machine back at two minutes' notice: one more than needed runs."""
    return 1 if machine.lent == "Spot" else 0


def fewest(machine: Machine, service: ServiceTime, objective: Objective) -> float:
    """Return the machines, on average, that no scaling can do without."""
    server = _server(machine, service, objective)
    busy = (1 - LATE) * objective.profile.mean / server.capacity
    return max(float(objective.at_least), busy) + spare(machine)


def cheapest_fleet(
    machine: Machine,
    service: ServiceTime,
    objective: Objective,
    ready_seconds: float,
    *,
    is_rough: bool = False,
) -> Fleet | str:
    """Return the fewest machines that keep the objective, or why none do.

    The machine is as slow as its `speed` allows, so what is found holds for faster ones.
    """
    start = machine.start_seconds + ready_seconds / machine.speed.low
    asked = replace(objective, budget=None)
    closer = _CLOSER_ROUGH if is_rough else _CLOSER
    found = _kept(_server(machine, service, objective), asked, start, closer)
    if isinstance(found, str):
        return found
    # Of what was measured, as stacks/settings/scaling.py has it.
    percent = round(100 * found.scaling.target * service.mean_ms / machine.vcpu / 1000)
    return Fleet(
        machine,
        found.scaling,
        found.billed + spare(machine),
        found.p99_ms,
        None if found.scaling.min_tasks == found.scaling.max_tasks else percent,
    )


@dataclass(frozen=True)
class _Kept:
    """How many machines keep an objective, whatever one of them costs."""

    scaling: Scaling
    billed: float  # machines, on average
    p99_ms: float


@cache
def _kept(
    server: Server, objective: Objective, start: float, closer: int
) -> _Kept | str:
    lateness = Lateness(server, objective.p99_ms, closer)
    alone = server.service.p99_ms
    if alone > objective.p99_ms:
        return f"p99 {alone:,.0f} ms with nobody before it, and the time is too short"
    if not lateness.sustained:
        refused = f"late or refused (MAX_WAIT_MS {server.max_wait_ms:g})"
        return f"over 1 % are {refused} at {100 * STEP:g} % of its load"
    peak = math.ceil(objective.profile.peak / lateness.sustained)
    most = max(objective.at_least, peak)
    if most > MOST:
        return f"{most:,} machines, above {MOST:,}"
    scaling, passed = _cheapest(lateness, objective, most, start)
    p99 = lateness.p99_ms(passed)
    return _Kept(scaling, _billed(passed), p99)


def _billed(passed: Sequence[Minute]) -> float:
    return sum(minute.billed for minute in passed) / len(passed)


def _cheapest(
    lateness: Lateness, objective: Objective, most: int, start: float
) -> tuple[Scaling, Sequence[Minute]]:
    """Try the fewest that are always on; for each target, the fewest that always run."""
    profile, capacity = objective.profile, lateness.server.capacity

    def keeps(scaling: Scaling) -> bool:
        late = lateness.share(minutes(profile, scaling), _HOPELESS)
        if late > _HOPELESS:
            return False
        if late > LATE / 10 and _requests(profile) <= _WHOLE:
            return _all_keep(partial(whole, scaling))
        is_fixed = scaling.min_tasks == scaling.max_tasks
        return late <= (LATE_SIMULATED if is_fixed else LATE_SCALED)

    def whole(scaling: Scaling, seed: int) -> float:
        return simulate(
            lateness.server,
            scaling,
            profile,
            p99_ms=objective.p99_ms,
            give_up=LATE,
            seed=seed,
        ).late

    def always(tasks: int) -> Scaling:
        return Scaling(tasks, tasks, capacity, start)

    least = objective.at_least
    fixed = most
    if not profile.is_steady:
        fixed = _first(lambda n: keeps(always(n)), least, most)
    best = always(fixed), minutes(profile, always(fixed))
    if fixed == least or profile.is_steady:
        return best
    for share in _TARGETS:
        target = share * capacity
        of = partial(_scaled, objective, target, fixed, start)
        if _billed(minutes(profile, of(least))) >= _billed(best[1]):
            continue
        fewest = _first(_each(keeps, of), least, fixed)
        passed = minutes(profile, of(fewest))
        if fewest < fixed and _billed(passed) < _billed(best[1]):
            best = of(fewest), passed
    return best


def _all_keep(late: Callable[[int], float]) -> bool:
    """Tell whether the objective is kept each time, and would be another time."""
    shares: list[float] = []
    for seed in _SEEDS:
        shares.append(late(seed))
        if shares[-1] > LATE or sum(shares) > len(_SEEDS) * LATE_SIMULATED:
            return False
    return statistics.mean(shares) + _SPREADS * statistics.stdev(shares) <= LATE


def _requests(profile: Profile) -> float:
    return profile.mean * 60 * len(profile.rates)


def _scaled(
    objective: Objective, target: float, fixed: int, start: float, tasks: int
) -> Scaling:
    top = max(fixed, math.ceil(objective.profile.peak / target))
    return Scaling(tasks, top, target, start)


def _each(
    keeps: Callable[[Scaling], bool], of: Callable[[int], Scaling]
) -> Callable[[int], bool]:
    return lambda tasks: keeps(of(tasks))


def _server(machine: Machine, service: ServiceTime, objective: Objective) -> Server:
    slowest = service.on(machine.speed.low)
    return Server(slowest, machine.vcpu, objective.max_wait_ms)


def _first(holds: Callable[[int], bool], low: int, high: int) -> int:
    """Return the least number from low to high for which it holds; `high` if none."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
