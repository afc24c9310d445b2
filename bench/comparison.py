"""Two servers under the same load, round by round."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.load import Load, run_load
from bench.server import PLAIN, Server, serve


@dataclass(frozen=True)
class Served:
    """One server over all rounds; medians of the rounds."""

    name: str
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    server_cpu_ms: float  # a request
    memory_mib: float  # peak, all its processes
    ready_seconds: float


@dataclass(frozen=True)
class Ratio:
    """Median of the rounds' ratios, and the interval that holds it at 95 %."""

    median: float
    low: float
    high: float
    rounds: int


@dataclass(frozen=True)
class Comparison:
    connections: int
    seconds: float
    student: Served
    teacher: Served
    requests_per_second: Ratio
    p50: Ratio


@dataclass(frozen=True)
class _Round:
    load: Load
    cpu_seconds: float


def compare(
    commands: Mapping[str, Sequence[str]],
    path: str,
    texts: Sequence[str],
    *,
    connections: int,
    rounds: int,
    seconds: float,
) -> Comparison:
    """Load two servers in turn; raises ServerError or LoadError."""
    (a, b), taken = commands, {name: list[_Round]() for name in commands}
    with (
        serve(commands[a], environment=PLAIN) as first,
        serve(commands[b], environment=PLAIN, timeout_s=180) as second,
    ):
        servers = {a: first, b: second}
        for server in servers.values():
            run_load(server.port, path, texts, connections=connections, seconds=1)
        for number in range(rounds):
            for name in (a, b) if number % 2 else (b, a):
                before = servers[name].cpu_seconds()
                load = run_load(
                    servers[name].port,
                    path,
                    texts,
                    connections=connections,
                    seconds=seconds,
                )
                cpu = servers[name].cpu_seconds() - before
                taken[name].append(_Round(load, cpu))
        student, teacher = (_served(n, servers[n], taken[n]) for n in (a, b))
    rates = {n: [r.load.requests_per_second for r in taken[n]] for n in (a, b)}
    latencies = {n: [r.load.quantile_ms(0.5) for r in taken[n]] for n in (a, b)}
    return Comparison(
        connections,
        seconds,
        student,
        teacher,
        requests_per_second=ratio(rates[a], rates[b]),
        p50=ratio(latencies[b], latencies[a]),
    )


def _served(name: str, server: Server, rounds: Sequence[_Round]) -> Served:
    loads = [r.load for r in rounds]
    answers = sum(len(load.latencies_ms) for load in loads)
    return Served(
        name,
        statistics.median(load.requests_per_second for load in loads),
        statistics.median(load.quantile_ms(0.5) for load in loads),
        statistics.median(load.quantile_ms(0.99) for load in loads),
        1e3 * sum(r.cpu_seconds for r in rounds) / answers,
        server.memory_mib(),
        server.ready_seconds,
    )


def ratio(above: Sequence[float], below: Sequence[float]) -> Ratio:
    """Return the median ratio of pairs with its distribution-free 95 % interval.

    Under 6 rounds no interval has 95 %; then it is 0 to infinite.
    """
    ratios = [x / y for x, y in zip(above, below, strict=True)]
    low, high = median_interval(ratios)
    return Ratio(statistics.median(ratios), max(low, 0.0), high, len(ratios))


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the interval that holds the median at 95 %; infinite under 6 values.

    Order statistics of the sign test: with 6 to 8 values the least and the greatest,
    with more some from the ends.
    """
    ordered, count = sorted(values), len(values)
    outside, cut = 0.0, 0
    while (outside := outside + math.comb(count, cut) / 2**count) <= 0.025:
        cut += 1
    return (ordered[cut - 1], ordered[-cut]) if cut else (-math.inf, math.inf)
