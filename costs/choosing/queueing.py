"""A server under load, request by request: who waits, who is refused, how long it takes.

First come, first served, a thread a vCPU. A request that would wait longer than the
server's MAX_WAIT_MS is refused, as containers/flask does. Batches are in the measured
service time, whose mean is that of full load.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from heapq import heapreplace
from itertools import accumulate
from random import Random
from statistics import NormalDist

from costs.choosing.service_time import POINTS, ServiceTime

MAX_WAIT_MS = 50.0  # containers/flask/settings.py
# A machine that others share is not equally fast all the time. Both were fitted to the
# rates at which bench/serving's server began to refuse; what it says of lower rates is
# then compared with what was measured: python -m bench.predicted.
WANDER = 0.18  # standard deviation of the logarithm of its speed,
WANDER_MS = 100.0  # which is another after so long
_NORMAL = NormalDist()
_PERIOD_MS = 100.0  # of the quota that a part of a vCPU is given by (CFS bandwidth)

REQUESTS = 3_000  # simulated for one load, where it is far from what decides
STEP = 0.025  # of utilisation, between the loads that are simulated


@dataclass(frozen=True)
class Server:
    """One task or instance, and what a request takes on it."""

    service: ServiceTime  # on a vCPU of this server
    vcpu: float
    max_wait_ms: float = MAX_WAIT_MS

    @property
    def capacity(self) -> float:
        """Requests a second that keep it busy all the time."""
        return 1000 * self.vcpu / self.service.mean_ms


class Queue:
    """The state of one server; times are in ms and never go back."""

    def __init__(self, server: Server, random: Random) -> None:
        self._busy = server.service.busy_ms
        self._delay = server.service.delay_ms
        self._max_wait = server.max_wait_ms
        threads = max(1, math.ceil(server.vcpu))
        self._quota = server.vcpu / threads * _PERIOD_MS
        self._free = [0.0] * threads
        self._draw = random.random
        self._slow, self._slow_until = 1.0, -1.0
        self._period, self._used = -1.0, 0.0  # of the quota

    def latencies(self, times: Iterable[float]) -> list[float]:
        """Return the latency of each request that comes; infinite where it is refused."""
        free, busy, delay = self._free, self._busy, self._delay
        max_wait, count, quota = self._max_wait, len(busy), self._quota
        draw, slow, slow_until = self._draw, self._slow, self._slow_until
        slows, found, is_part = _slows(WANDER), list[float](), quota < _PERIOD_MS
        period, used = self._period, self._used
        for now in times:
            start = free[0]
            if start < now:
                start = now
            elif start - now > max_wait:
                found.append(math.inf)
                continue
            if start >= slow_until:
                slow, slow_until = slows[int(draw() * POINTS)], start + WANDER_MS
            work = busy[int(draw() * count)] * slow
            if is_part:  # a thread stops once its quota is used
                if start // _PERIOD_MS > period:
                    period, used = start // _PERIOD_MS, 0.0
                left = (period + 1) * _PERIOD_MS - start
                if quota - used < left:
                    left = quota - used
                while work > left:
                    work -= left
                    period, used = period + 1, 0.0
                    start, left = period * _PERIOD_MS, quota
                used += work
            end = start + work
            heapreplace(free, end)
            found.append(end - now + delay)
        self._slow, self._slow_until = slow, slow_until
        self._period, self._used = period, used
        return found


@cache
def _slows(deviation: float) -> tuple[float, ...]:
    """Equally likely factors of a request's work, 1 on average."""
    points = ((i + 0.5) / POINTS for i in range(POINTS))
    found = [math.exp(deviation * _NORMAL.inv_cdf(point)) for point in points]
    return tuple(each * POINTS / sum(found) for each in found)


@dataclass(frozen=True)
class Load:
    """What a server made of one load: latencies in ms, shortest first."""

    utilisation: float
    latencies_ms: Sequence[float]  # infinite where refused

    def late(self, bound_ms: float) -> float:
        """Return the share of requests beyond the bound, refused ones among them."""
        within = bisect_right(self.latencies_ms, bound_ms)
        return 1 - within / len(self.latencies_ms)

    @property
    def longest_ms(self) -> float:
        """Of the requests that were answered."""
        answered = bisect_left(self.latencies_ms, math.inf)
        return self.latencies_ms[answered - 1] if answered else 0.0


@cache
def load(server: Server, step: int, requests: int = REQUESTS) -> Load:
    """Simulate a server at `step` STEPs of utilisation; the same at each call."""
    a_request = 1000 / (step * STEP * server.capacity)  # in ms
    times = [a_request * each for each in _arrivals(step, requests)]
    found = Queue(server, Random(-step)).latencies(times)
    return Load(step * STEP, tuple(sorted(found)))


@cache
def _arrivals(seed: int, requests: int) -> Sequence[float]:
    """Return when requests come that come at random, one in a unit of time."""
    draw, log = Random(seed).random, math.log
    return array("d", accumulate(-log(1.0 - draw()) for _ in range(requests)))
