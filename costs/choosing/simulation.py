"""A whole service, request by request: arrivals, tasks that start and stop, every wait.

Slower than what `fleet` reckons with (a load at a time, minute by minute) and free of its
shortcuts: `python -m bench.choosing` holds the one to the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from costs.choosing.autoscaling import SETTLING_MINUTES, Scaling, Service
from costs.choosing.queued import poisson
from costs.choosing.queueing import Queue, Server
from costs.choosing.traffic import Profile

_MINUTE_MS = 60_000.0


@dataclass(frozen=True)
class Simulated:
    """What became of all requests."""

    requests: int
    late: float  # share beyond the bound, refused ones among them
    billed: float  # machines, on average


def simulate(
    server: Server,
    scaling: Scaling,
    profile: Profile,
    *,
    p99_ms: float,
    give_up: float = 1.0,
    seed: int = 0,
) -> Simulated:
    """Simulate a profile; a service that scales has counted two hours before it.

    The load balancer picks any running task, for each of its nodes takes turns on its
    own. A task that is stopped answers nobody any more; one that starts is empty. Once
    more than the share `give_up` of what is to come was late, all counts as late.
    """
    random, minutes = Random(seed), len(profile.rates)
    service = _settled(scaling, profile, random)
    queues: list[Queue] = []
    requests = late = billed = 0
    allowed = give_up * profile.mean * 60 * minutes
    for minute, rate in enumerate(profile.rates):
        del queues[service.running :]
        while len(queues) < service.running:
            queues.append(Queue(server, random))
        came, missed = _minute(queues, rate, minute * _MINUTE_MS, p99_ms, random)
        requests, late, billed = requests + came, late + missed, billed + service.billed
        if late > allowed:
            return Simulated(requests, 1.0, billed / (minute + 1))
        service.minute(came / 60)
    return Simulated(requests, late / max(1, requests), billed / minutes)


def _settled(scaling: Scaling, profile: Profile, random: Random) -> Service:
    """Return a service as what came before the profile leaves it."""
    service = Service(scaling, max(1, scaling.min_tasks))
    if scaling.min_tasks != scaling.max_tasks:
        for minute in range(-SETTLING_MINUTES, 0):
            rate = profile.rates[minute % len(profile.rates)]
            service.minute(poisson(60 * rate, random) / 60)
    return service


def _minute(
    queues: list[Queue], rate: float, begun: float, p99_ms: float, random: Random
) -> tuple[int, int]:
    """Return how many requests came in a minute, and how many of them were late."""
    if not rate:
        return 0, 0
    times: list[list[float]] = [[] for _ in queues]
    draw, log, count, a_request = random.random, math.log, len(queues), 1000 / rate
    now, end = begun - a_request * log(1.0 - draw()), begun + _MINUTE_MS
    while now < end:
        times[int(draw() * count)].append(now)
        now -= a_request * log(1.0 - draw())
    found = [
        ms for q, own in zip(queues, times, strict=True) for ms in q.latencies(own)
    ]
    return len(found), sum(ms > p99_ms for ms in found)
