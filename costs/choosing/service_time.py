"""How long one request keeps a vCPU busy: from a manifest's measurements."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import NormalDist

from manifest import Serving

POINTS = 400  # equally likely values that stand for the distribution
_LONGEST = 3.0  # times the measured p99: what was never seen is not made up
_NORMAL = NormalDist()


@dataclass(frozen=True)
class ServiceTime:
    """Equally likely times of one request on one vCPU, in ms, shortest first.

    The measured percentiles of a request alone give the shape, the sustained rate the
    mean: at full load nothing but work is left, and batching shows in it. What a
    request takes beyond its work (`delay_ms`: sockets, the other thread) keeps no vCPU.
    """

    busy_ms: tuple[float, ...]
    delay_ms: float

    @cached_property
    def mean_ms(self) -> float:
        return sum(self.busy_ms) / len(self.busy_ms)

    @property
    def p99_ms(self) -> float:
        """Of a request that meets no other."""
        return self.delay_ms + self.busy_ms[int(0.99 * len(self.busy_ms))]

    def on(self, speed: float) -> ServiceTime:
        """Return it for a vCPU of `speed` times the measured one's."""
        return replace(self, busy_ms=tuple(each / speed for each in self.busy_ms))


def service_time(serving: Serving, points: int = POINTS) -> ServiceTime:
    """Return what a manifest measured, for one vCPU of the machine it was measured on."""
    alone = [_alone(serving, (i + 0.5) / points) for i in range(points)]
    busy = 1000 * serving.vcpu / serving.requests_per_second
    scale = busy * points / sum(alone)
    return ServiceTime(
        tuple(each * scale for each in alone),
        max(0.0, serving.p50_ms * (1 - scale)),
    )


def _alone(serving: Serving, share: float) -> float:
    """Lognormal between the percentiles, and as steep beyond them."""
    z, middle, high = (_NORMAL.inv_cdf(p) for p in (share, 0.95, 0.99))
    p50, p95 = serving.p50_ms, max(serving.p95_ms, serving.p50_ms)
    p99 = max(serving.p99_ms, p95)
    if z <= middle:
        return p50 * math.exp(math.log(p95 / p50) * z / middle)
    steep = math.log(p99 / p95) * (z - middle) / (high - middle)
    return min(p95 * math.exp(steep), _LONGEST * p99)
