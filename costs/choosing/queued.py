"""Endpoints whose callers do not wait: from zero behind a queue, and once a day."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from costs.book import PriceBook
from costs.charges import HOURS, SECONDS
from costs.choosing.hardware import Machine
from costs.choosing.objective import LATE, Objective
from costs.choosing.service_time import ServiceTime

# An asynchronous answer is fetched, not returned: nobody promises less than this.
FETCHED_SECONDS = 1.0
SQS_REQUESTS = 3  # a message is sent, received and deleted
ALARM_MINUTES = 1  # until a message that waits is seen
IDLE_MINUTES = 15  # without a message, then all stops
_FULL = 0.9  # of the capacity that a queue is worked off with
_SIMULATED_MINUTES, _SIMULATED_REQUESTS = 7 * 1440, 300  # the fewer of both
_BATCH_HOURS = 24.0


@dataclass(frozen=True)
class Queued:
    """Machines that run only while there is something to do."""

    machine: Machine
    machines: int
    running: float  # share of the time
    monthly: float  # USD, with the queue
    p99_ms: float


def from_zero(
    candidates: Sequence[Machine],
    service: ServiceTime,
    objective: Objective,
    ready_seconds: float,
    book: PriceBook,
) -> Queued:
    """Return the cheapest machines that work off an SQS queue, none while it is empty."""
    messages = objective.profile.mean * SECONDS * SQS_REQUESTS / 1e6
    queue = messages * book.price("SQS", "standard requests").usd

    def priced(machine: Machine) -> Queued:
        capacity = _FULL * _capacity(machine, service)
        count = max(1, math.ceil(objective.profile.peak / capacity))
        start = machine.start_seconds + ready_seconds / machine.speed.low
        running, waits = _pauses(objective, capacity * count, start)
        paid = running * count * machine.monthly + queue
        wait = _p99(waits) + FETCHED_SECONDS + service.p99_ms / machine.speed.low / 1000
        return Queued(machine, count, running, paid, 1000 * wait)

    return min(map(priced, _worth_it(candidates, service, objective)), key=_cheapest)


def batch(
    candidates: Sequence[Machine], service: ServiceTime, objective: Objective
) -> Queued:
    """Return the cheapest machine that answers a day's requests in one go."""

    def priced(machine: Machine) -> Queued:
        rate = objective.profile.mean
        busy = rate / (_FULL * _capacity(machine, service))
        count = max(1, math.ceil(busy * 2))  # done within half a day
        start = machine.start_seconds / 3600 / _BATCH_HOURS * count
        hours = (busy + start) * HOURS
        wait = _BATCH_HOURS * (1 - LATE) + busy / count * _BATCH_HOURS
        return Queued(
            machine, count, busy / count, hours * machine.hourly, wait * 3.6e6
        )

    return min(map(priced, candidates), key=_cheapest)


def _cheapest(queued: Queued) -> float:
    return queued.monthly


def _capacity(machine: Machine, service: ServiceTime) -> float:
    return 1000 * machine.vcpu * machine.speed.low / service.mean_ms


def _worth_it(
    candidates: Sequence[Machine], service: ServiceTime, objective: Objective
) -> Iterator[Machine]:
    """Yield the cheapest that does it alone, and the cheapest for what it can do."""
    alone = [
        machine
        for machine in candidates
        if _FULL * _capacity(machine, service) >= objective.profile.peak
    ]
    if alone:
        yield min(alone, key=lambda machine: machine.hourly)
    yield min(candidates, key=lambda m: m.hourly / _capacity(m, service))


def _pauses(
    objective: Objective, capacity: float, start_seconds: float
) -> tuple[float, list[tuple[float, float]]]:
    """Return the share of time that machines run, and (wait in s, requests) by minute."""
    random, rates = Random(0), objective.profile.rates
    enough = math.ceil(_SIMULATED_REQUESTS / 60 / objective.profile.mean)
    most = max(len(rates), 1440, min(_SIMULATED_MINUTES, enough))
    starts = ALARM_MINUTES + math.ceil(start_seconds / 60)
    backlog, running, idle, starting = 0.0, 0, 0, 0
    is_on, waits = False, []
    for minute in range(most):
        came = poisson(60 * rates[minute % len(rates)], random)
        if not is_on and (backlog or came):
            starting = starting or starts
            starting -= 1
            is_on, idle = not starting, 0
            ahead = 60.0 * (starting + 1)
        else:
            ahead = 0.0
        if came:
            waits.append((ahead + backlog / capacity, float(came)))
        backlog += came
        if is_on:
            running += 1
            backlog = max(0.0, backlog - 60 * capacity)
            idle = 0 if came or backlog else idle + 1
            is_on = idle < IDLE_MINUTES
        elif starting:
            running += starting <= math.ceil(start_seconds / 60)
    return running / most, waits


def poisson(mean: float, random: Random) -> int:
    """Draw how many come; Knuth's method for few, the normal limit for many."""
    if mean > 50:
        return max(0, round(random.gauss(mean, math.sqrt(mean))))
    count, product, least = 0, random.random(), math.exp(-mean)
    while product > least:
        count += 1
        product *= random.random()
    return count


def _p99(waits: Sequence[tuple[float, float]]) -> float:
    left = (1 - LATE) * sum(count for _, count in waits)
    for wait, count in sorted(waits):
        left -= count
        if left <= 0:
            return wait
    return waits[-1][0] if waits else 0.0
