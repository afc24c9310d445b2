"""A function for each request that is being answered: nothing runs while nobody calls."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from costs.book import PriceBook
from costs.charges import SECONDS
from costs.choosing.objective import LATE, LATE_SIMULATED, Objective
from costs.choosing.processors import LAMBDA
from costs.choosing.queueing import Load, Server, load
from costs.choosing.service_time import ServiceTime
from costs.choosing.traffic import Profile
from costs.fargate import HEADROOM
from costs.functions import billed_ms, speed
from manifest import Serving

SIZES_MB = (885, 1769, 3008, 5120, 10240)  # half a vCPU, one, and more memory
AT_ONCE = 1000  # an account's default quota of functions that run at the same time
# An idle environment lives 5 to 7 minutes (https://mikhail.io/serverless/coldstarts/aws/intervals/);
# AWS promises nothing.
IDLE_SECONDS = 300.0


@dataclass(frozen=True)
class Functions:
    """A function of one memory size behind its own URL."""

    memory_mb: int
    monthly: float  # USD
    cold: float  # share of the requests that an environment is started for
    cold_ms: float
    p99_ms: float
    reason: str | None  # why the objective is not kept


def functions(
    serving: Serving,
    service: ServiceTime,
    objective: Objective,
    ready_seconds: float,
    book: PriceBook,
) -> Iterator[Functions]:
    """Yield the function in every size that holds the model."""
    for memory_mb in SIZES_MB:
        if memory_mb >= serving.memory_mib * HEADROOM:
            yield _function(memory_mb, service, objective, ready_seconds, book)


def _function(
    memory_mb: int,
    service: ServiceTime,
    objective: Objective,
    ready_seconds: float,
    book: PriceBook,
) -> Functions:
    at = speed(memory_mb, LAMBDA.low)
    warm = load(Server(service.on(at), 1.0, math.inf), 1)
    cold_ms = 1000 * ready_seconds / at + service.mean_ms / at
    cold = _cold(objective.profile, service.mean_ms / at / 1000)
    late = cold * (cold_ms > objective.p99_ms) + (1 - cold) * warm.late(
        objective.p99_ms
    )
    billed = billed_ms(service, at) + cold * cold_ms
    return Functions(
        memory_mb,
        _monthly(memory_mb, billed, objective.profile.mean, book),
        cold,
        cold_ms,
        _p99_ms(warm, cold, cold_ms),
        _reason(objective, late, cold, cold_ms, service.mean_ms / at / 1000),
    )


def _p99_ms(warm: Load, cold: float, cold_ms: float) -> float:
    """Return the time of all but 1 %, of which those that start a function are some."""
    if cold >= LATE:
        return cold_ms
    slower = (LATE - cold) / (1 - cold)  # share of the warm ones
    return warm.latencies_ms[int((1 - slower) * (len(warm.latencies_ms) - 1))]


def _monthly(memory_mb: int, billed: float, rate: float, book: PriceBook) -> float:
    calls = rate * SECONDS
    seconds = calls * billed / 1000 * memory_mb / 1024
    compute = book.price("Lambda", "compute x86").usd * seconds
    return compute + book.price("Lambda", "requests").usd * calls / 1e6


def _reason(
    objective: Objective, late: float, cold: float, cold_ms: float, seconds: float
) -> str | None:
    if objective.profile.peak * seconds > AT_ONCE:
        at_once = objective.profile.peak * seconds
        return f"{at_once:,.0f} functions at once, above the quota of {AT_ONCE:,}"
    if late <= LATE_SIMULATED:
        return None
    if cold > LATE_SIMULATED:
        return f"{100 * cold:.1f} % of requests start a function: {cold_ms:,.0f} ms"
    return f"{100 * late:.1f} % of requests are late even in a warm function"


@cache
def _cold(profile: Profile, seconds: float) -> float:
    """Return the share of requests that find no idle environment, over the profile.

    Environments are used in order: the n-th gets what the n - 1 before it cannot take
    (Erlang's loss formula), and dies if that leaves it alone for too long.
    """
    total = sum(profile.rates)
    cold = sum(rate * _cold_at(rate, seconds) for rate in profile.rates if rate)
    return cold / total


def _cold_at(rate: float, seconds: float) -> float:
    load_, blocked, share, before = rate * seconds, 1.0, 0.0, 1.0
    for count in range(1, AT_ONCE):
        blocked = load_ * blocked / (count + load_ * blocked)
        share += (before - blocked) * math.exp(-rate * before * IDLE_SECONDS)
        before = blocked
        if rate * blocked * IDLE_SECONDS < 1e-6:
            break
    return min(1.0, share + before)
