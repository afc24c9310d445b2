"""python -m bench.choosing [--workloads N] [--write]: is what `costs choose` finds the best?

Random models and traffics. For each, an oracle tries every machine with every number of
machines and every scaling target that would be cheaper than the choice, and simulates
every request over the whole profile; `choose` simulates a few loads and reckons with
them. Regret is how much dearer the choice is than the oracle's best; both are paid by the
oracle's simulation, and both must keep the objective in each of six, for one may be
lucky; the oracle's in the six besides by which it was found. A workload that the choice
does not keep in one of its six is a violation.

Covered: real-time fleets of one released variant, 2 to 20 requests a second, profiles of
20 minutes to 4 hours. Not covered: functions, queues, the choice between variants, which
`choose` prices by formulas. Some minutes on one core; the result is bench/choosing.json.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from costs.book import read_book
from costs.choosing.autoscaling import Scaling, minutes
from costs.choosing.choice import Question, choose
from costs.choosing.door import door
from costs.choosing.fleet import Fleet, cheapest_fleet, fewest, spare
from costs.choosing.hardware import Machine, machines
from costs.choosing.objective import LATE, Objective
from costs.choosing.queueing import Server
from costs.choosing.service_time import service_time
from costs.choosing.simulation import Simulated, simulate
from costs.choosing.traffic import Profile, shape
from costs.choosing.variants import Variant
from costs.usage import Usage
from manifest import Serving

RESULT = Path(__file__).with_suffix(".json")
REGION = "us-east-1"
MOST_REQUESTS = 24_000  # of a workload's profile
TARGETS = (0.3, 0.45, 0.55, 0.65, 0.75, 0.9)  # of a machine's capacity
REGRET = 0.10
SEEDS = (1, 3, 5, 7, 9, 11)  # of the oracle's simulations
CHOICE_SEEDS = (2, 4, 6, 8, 10, 12)


@dataclass(frozen=True)
class Outcome:
    """One workload: what was chosen, and what the oracle found."""

    seed: int
    profile: str
    requests_per_second: float
    mean_ms: float
    p99_ms: float
    chosen: str
    chosen_monthly: float  # by the oracle's simulation
    best: str
    best_monthly: float
    late: float  # share of the chosen one's requests, in the worst simulation
    seconds: float  # that choosing took

    @property
    def regret(self) -> float:
        return max(0.0, self.chosen_monthly / self.best_monthly - 1)

    @property
    def violated(self) -> bool:
        return self.late > LATE


def workload(seed: int) -> Question:
    """A model of 4 to 250 ms a request, asked 2 to 20 times a second."""
    random = Random(seed)
    mean = math.exp(random.uniform(math.log(4), math.log(250)))
    p95 = mean * random.uniform(1.2, 2.0)
    serving = Serving(
        vcpu=1.0,
        memory_mib=random.randrange(80, 2_000),
        model_bytes=1,
        p50_ms=mean,
        p95_ms=p95,
        p99_ms=p95 * random.uniform(1.1, 1.8),
        requests_per_second=1000 / (mean * random.uniform(0.95, 1.1)),
        hardware="random",
    )
    rate = math.exp(random.uniform(math.log(2), math.log(20)))
    profile = _profile(random, rate)
    slow = serving.p99_ms / 0.5
    objective = Objective(
        profile,
        p99_ms=slow * random.uniform(1.2, 4.0) + 5,
        max_wait_ms=max(50.0, slow * 3),
    )
    ready = random.uniform(1, 8)
    variant = Variant("any", serving, service_time(serving), ready, 1, "f1", True)
    return Question((variant,), objective, REGION, Usage())


def _profile(random: Random, rate: float) -> Profile:
    """Steady, with bursts, or wandering; as long as MOST_REQUESTS allow."""
    length = int(min(240, MOST_REQUESTS / rate / 60))
    kind = random.choice(["steady", "bursts", "wandering", "day-night"])
    if kind == "steady":
        return Profile(kind, (1.0,) * length).at(rate)
    if kind == "bursts":
        size, each = random.uniform(2, 8), random.randrange(2, 12)
        rates = [size if minute % 30 < each else 1.0 for minute in range(length)]
        return Profile(kind, tuple(rates)).at(rate)
    if kind == "day-night":
        long = shape("day-night").rates
        rates = [long[minute * len(long) // length] for minute in range(length)]
        return Profile(kind, tuple(rates)).at(rate)
    rates, level = [], 1.0
    for _ in range(length):
        level = min(6.0, max(0.2, level * math.exp(random.gauss(0, 0.15))))
        rates.append(level)
    return Profile(kind, tuple(rates)).at(rate)


@dataclass(frozen=True)
class Oracle:
    """Simulates whole services of one workload."""

    question: Question

    @property
    def variant(self) -> Variant:
        return self.question.variants[0]

    def machines(self) -> list[Machine]:
        book = read_book(REGION)
        found = machines(self.variant, book, self.question.usage)
        fit = [each for each in found if isinstance(each, Machine)]
        return sorted(fit, key=self.least)

    def least(self, machine: Machine) -> float:
        count = fewest(machine, self.variant.service, self.question.objective)
        return self.monthly(machine, count)

    def monthly(self, machine: Machine, billed: float) -> float:
        objective, usage = self.question.objective, self.question.usage
        return billed * machine.monthly + door(REGION, usage, objective.profile.mean)

    def simulate(
        self, machine: Machine, scaling: Scaling, seed: int, give_up: float = 1.0
    ) -> Simulated:
        objective = self.question.objective
        service = self.variant.service.on(machine.speed.low)
        server = Server(service, machine.vcpu, objective.max_wait_ms)
        return simulate(
            server,
            scaling,
            objective.profile,
            p99_ms=objective.p99_ms,
            give_up=give_up,
            seed=seed,
        )

    def paid(self, machine: Machine, found: Simulated) -> float:
        return self.monthly(machine, found.billed + spare(machine))

    def best(self, at_most: float) -> tuple[str, float]:
        """Return the cheapest that keeps the objective; `at_most` is known to do."""
        name, best = "the choice", at_most
        for machine in self.machines():
            if self.least(machine) >= best:
                break
            for target in self._targets(machine):
                found = self._fewest(machine, target, best)
                if found is not None and found[1] < best:
                    name, best = _named(machine, found[0]), found[1]
        return name, best

    def _targets(self, machine: Machine) -> list[float | None]:
        """Return requests a second and machine to scale by; None is always on."""
        if self.question.objective.profile.is_steady:
            return [None]
        return [None, *(share * self._capacity(machine) for share in TARGETS)]

    def _capacity(self, machine: Machine) -> float:
        speed = machine.speed.low
        return 1000 * machine.vcpu * speed / self.variant.service.mean_ms

    def _fewest(
        self, machine: Machine, target: float | None, best: float
    ) -> tuple[Scaling, float] | None:
        """Return the fewest that keep the objective, unless they are not cheaper."""
        profile, capacity = self.question.objective.profile, self._capacity(machine)
        start = machine.start_seconds + self.variant.ready_seconds / machine.speed.low
        most = math.ceil(1.5 * profile.peak / capacity) + 2
        first = max(1, int((1 - LATE) * profile.mean / capacity)) if not target else 1
        for tasks in range(first, most + 1):
            scaling = Scaling(tasks, tasks, capacity, start)
            if target:
                scaling = Scaling(tasks, 3 * most, target, start)
            passed = minutes(profile, scaling)
            billed = sum(minute.billed for minute in passed) / len(passed)
            if self.monthly(machine, billed + spare(machine)) >= 0.995 * best:
                return None
            if found := self._kept(machine, scaling):
                return scaling, self.paid(machine, found)
        return None

    def _kept(self, machine: Machine, scaling: Scaling) -> Simulated | None:
        """Return a simulation if all keep the objective, for one may be lucky."""
        for seed in (*SEEDS, *CHOICE_SEEDS):
            found = self.simulate(machine, scaling, seed, give_up=LATE)
            if found.late > LATE:
                return None
        return found


def _named(machine: Machine, scaling: Scaling) -> str:
    count = f"{scaling.min_tasks} to {scaling.max_tasks}"
    return f"{machine.name} {machine.lent}, {count} at {scaling.target:.3g}/s"


def judged(seed: int) -> Outcome | None:
    """Return the outcome of one workload; None where no fleet can keep it."""
    question = workload(seed)
    oracle = Oracle(question)
    begun = time.perf_counter()
    choice = choose(question)
    seconds = time.perf_counter() - begun
    fleets = [offer for offer in choice.offers if offer.mode == "real-time"]
    if not fleets:
        return None
    fleet, machine = _chosen(oracle, fleets[0].machine)
    found = [oracle.simulate(machine, fleet.scaling, seed) for seed in CHOICE_SEEDS]
    paid = max(oracle.paid(machine, each) for each in found)
    best, monthly = oracle.best(paid)
    objective = question.objective
    return Outcome(
        seed=seed,
        profile=objective.profile.name,
        requests_per_second=objective.profile.mean,
        mean_ms=question.variants[0].service.mean_ms,
        p99_ms=objective.p99_ms,
        chosen=_named(machine, fleet.scaling),
        chosen_monthly=paid,
        best=best,
        best_monthly=monthly,
        late=max(each.late for each in found),
        seconds=seconds,
    )


def _chosen(oracle: Oracle, name: str) -> tuple[Fleet, Machine]:
    """Return the fleet behind an offer: choose keeps its text alone."""
    (machine,) = (
        each
        for each in oracle.machines()
        if name == (f"{each.name} Spot" if each.lent == "Spot" else each.name)
    )
    objective, variant = oracle.question.objective, oracle.variant
    fleet = cheapest_fleet(machine, variant.service, objective, variant.ready_seconds)
    assert isinstance(fleet, Fleet)
    return fleet, machine


def summary(found: list[Outcome]) -> str:
    regrets = [outcome.regret for outcome in found]
    violated = sum(outcome.violated for outcome in found)
    slowest = max(outcome.seconds for outcome in found)
    return (
        f"{len(found)} workloads: regret at most {100 * max(regrets):.1f} %, on average"
        f" {100 * statistics.mean(regrets):.1f} %; {violated} violations; most late"
        f" {100 * max(o.late for o in found):.2f} %; choosing took {slowest:.1f} s at most"
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.choosing", description=__doc__
    )
    parser.add_argument("--workloads", type=int, default=50)
    parser.add_argument("--first", type=int, default=1, help="seed (default: 1)")
    parser.add_argument("--write", action="store_true", help=f"write {RESULT.name}")
    asked = parser.parse_args()
    found: list[Outcome] = []
    seed = asked.first
    while len(found) < asked.workloads:
        outcome = judged(seed)
        seed += 1
        if outcome is None:
            continue
        found.append(outcome)
        print(_line(outcome), flush=True)
        if asked.write:
            rows = [asdict(outcome) for outcome in found]
            RESULT.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print(summary(found))
    kept = all(o.regret <= REGRET and not o.violated for o in found)
    return 0 if kept else 1


def _line(found: Outcome) -> str:
    verdict = "VIOLATED" if found.violated else "ok"
    return (
        f"{found.seed:3} {found.profile:9} {found.requests_per_second:8.1f}/s"
        f" {found.mean_ms:5.1f} ms, p99 {found.p99_ms:5.0f}: {found.chosen}"
        f" ${found.chosen_monthly:.2f}; best {found.best} ${found.best_monthly:.2f}:"
        f" regret {100 * found.regret:.1f} %, late {100 * found.late:.2f} % {verdict}"
    )


if __name__ == "__main__":
    sys.exit(main())
