"""A whole service, request by request: arrivals, tasks that start and stop, every wait.

Slower than what `fleet` reckons with (a load at a time, minute by minute) and free of its
shortcuts: `python -m bench.choosing` holds the one to the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from costs.choosing.autoscaling import Scaling, Service
from costs.choosing.queueing import Queue, Server
from costs.choosing.traffic import Profile

_MINUTE_MS = 60_000.0


@dataclass(frozen=True)
class Simulated:
    """What became of all requests after a first pass over the profile."""

    requests: int
    late: float  # share beyond the bound, refused ones among them
    billed: float  # machines, on average


def simulate(
    server: Server,
    scaling: Scaling,
    profile: Profile,
    *,
    p99_ms: float,
    passes: int = 2,
    seed: int = 0,
) -> Simulated:
    """Simulate passes over a profile; the first is for the service to settle.

    The load balancer picks any running task, for each of its nodes takes turns on its
    own. A task that is stopped answers nobody any more; one that starts is empty.
    """
    random = Random(seed)
    service = Service(scaling, max(1, scaling.min_tasks))
    queues: list[Queue] = []
    requests = late = billed = 0
    for minute in range(passes * len(profile.rates)):
        del queues[service.running :]
        while len(queues) < service.running:
            queues.append(Queue(server, random))
        rate = profile.rates[minute % len(profile.rates)]
        came, missed = _minute(queues, rate, minute * _MINUTE_MS, p99_ms, random)
        if minute >= len(profile.rates):
            requests, late = requests + came, late + missed
            billed += service.billed
        service.minute(came / 60)
    counted = (passes - 1) * len(profile.rates)
    return Simulated(requests, late / max(1, requests), billed / counted)


def _minute(
    queues: list[Queue], rate: float, begun: float, p99_ms: float, random: Random
) -> tuple[int, int]:
    """Return how many requests came in a minute, and how many of them were late."""
    if not rate:
        return 0, 0
    times: list[list[float]] = [[] for _ in queues]
    draw, gap, a_ms = random.random, random.expovariate, rate / 1000
    now, end = begun + gap(a_ms), begun + _MINUTE_MS
    while now < end:
        times[int(draw() * len(queues))].append(now)
        now += gap(a_ms)
    found = [
        ms for q, own in zip(queues, times, strict=True) for ms in q.latencies(own)
    ]
    return len(found), sum(ms > p99_ms for ms in found)
