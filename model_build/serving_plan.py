"""What a planned variant will take to serve: time, memory and dollars, as ranges.

The ranges are those of the eight served variants of two builds of support-sentiment on
one core of an AMD EPYC (AVX2); a build's report sets the
middle of each beside what it measured. No weight is read, TensorFlow is not imported.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from costs.book import read_book
from costs.choosing.choice import Question, choose
from costs.choosing.objective import Objective
from costs.choosing.service_time import service_time
from costs.choosing.traffic import shape
from costs.choosing.variants import READY_SECONDS, Variant
from costs.predictions import dollars_per_million
from costs.usage import Usage
from manifest import Serving

SERVER_MS = 1.0  # of a request beside its engine (python -m bench.serving.tax)
_SLOW_GFLOPS = {"float32": 51.0, "int8": 65.0}  # a second, of one thread in the server
_FAST_GFLOPS = {"float32": 68.0, "int8": 98.0}
_LEAST_MIB, _MOST_MIB = (60.0, 2.4), (75.0, 5.6)  # of a server, and for each MB of file
_P95, _P99 = 1.45, 2.0  # times the median: the lengths of real messages


class Range(NamedTuple):
    low: float
    high: float

    @property
    def middle(self) -> float:
        """The geometric mean: as many times above one end as below the other."""
        return math.sqrt(self.low * self.high)


@dataclass(frozen=True)
class ServingPlan:
    """One variant behind its server, on one vCPU of the machine that was measured."""

    variant: str
    p50_ms: Range
    memory_mib: Range
    dollars_per_million: Range  # on its smallest Fargate task, always busy


@dataclass(frozen=True)
class Demand:
    """What is asked of the variant that ships."""

    requests_per_second: float
    p99_ms: float
    budget: float | None = None  # USD a month
    profile: str = "steady"
    region: str = "us-east-1"


@dataclass(frozen=True)
class CostPlan:
    """The cheapest way to serve, if the model turns out fast, and if it turns out slow."""

    demand: Demand
    monthly: Range | None  # USD; None where even the fast one cannot keep the p99
    machines: tuple[str, str]  # of the fast one, of the slow one

    @property
    def is_kept(self) -> bool:
        """Whether the slow one keeps p99 and budget too."""
        if self.monthly is None or not math.isfinite(self.monthly.high):
            return False
        return self.demand.budget is None or self.monthly.high <= self.demand.budget


def serving_plan(
    variant: str, flops: float, file_bytes: int, kernels: str, region: str
) -> ServingPlan:
    """Plan a variant of so many operations a request; raises PriceError, SizeError."""
    fast, slow = _servings(flops, file_bytes, kernels)
    book = read_book(region)
    return ServingPlan(
        variant,
        Range(fast.p50_ms, slow.p50_ms),
        Range(fast.memory_mib, slow.memory_mib),
        Range(*(dollars_per_million(serving, book) for serving in (fast, slow))),
    )


def cost_plan(flops: float, file_bytes: int, kernels: str, demand: Demand) -> CostPlan:
    """Choose for the fast end and for the slow one, as `python -m costs choose` does."""
    profile = shape(demand.profile).at(demand.requests_per_second)
    objective = Objective(profile, demand.p99_ms)
    found = []
    for serving in _servings(flops, file_bytes, kernels):
        time = service_time(serving)
        variant = Variant("planned", serving, time, READY_SECONDS, 1.0, "", True)
        question = Question((variant,), objective, demand.region, Usage())
        found.append(choose(question).best)
    fast, slow = found
    monthly = None
    if fast is not None:
        monthly = Range(fast.monthly, slow.monthly if slow else math.inf)
    names = [f"{o.machine}, {o.scale}" if o else "nothing" for o in found]
    return CostPlan(demand, monthly, (names[0], names[1]))


def _servings(flops: float, file_bytes: int, kernels: str) -> tuple[Serving, Serving]:
    """Return what the manifest may say: of a fast server, and of a slow one."""
    ends = ((_FAST_GFLOPS, _LEAST_MIB), (_SLOW_GFLOPS, _MOST_MIB))
    fast, slow = (
        _serving(
            SERVER_MS + flops / 1e6 / gflops.get(kernels, gflops["float32"]),
            round(mib + each * file_bytes / 1e6),
            file_bytes,
        )
        for gflops, (mib, each) in ends
    )
    return fast, slow


def _serving(ms: float, memory_mib: int, file_bytes: int) -> Serving:
    return Serving(
        vcpu=1.0,
        memory_mib=memory_mib,
        model_bytes=file_bytes,
        p50_ms=ms,
        p95_ms=_P95 * ms,
        p99_ms=_P99 * ms,
        requests_per_second=1000 / ms,
        hardware="planned",
    )
