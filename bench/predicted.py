"""python -m bench.predicted: what the simulation says of load benches, beside what they found.

The simulation knows of the artifact what its build measured on one core, one request at
a time and at full load; the bench (bench/serving) offered it Poisson traffic on two
cores. What remains between them is printed, window by window of like rates. The one
figure that was fitted was fitted to AVX2's run; VNNI's was made a day later.
"""

from __future__ import annotations

import json
import math
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from costs.choosing.queueing import Queue, Server
from costs.choosing.service_time import service_time
from manifest import Serving

RECORDED = Path(__file__).parent / "serving" / "recorded"
OURS = "Lathe int8"
CORES, SECONDS = 2, 5.0  # of the bench's server, and its windows
QUIET_MS = 5.0  # a client later than this at its own p99 tells little of a server
WINDOWS = 15  # simulated for one that was measured


@dataclass(frozen=True)
class Run:
    """A run of bench/serving, and what the build of its artifact measured."""

    path: Path
    serving: Serving
    max_wait_ms: float
    client: float  # share of the cores that the client took at the highest rates
    late_ms: float  # 99th percentile of how late it was there
    rates: Sequence[int]  # among which the highest in time is looked for


AVX2 = Run(
    RECORDED / "avx2.json",
    Serving(
        vcpu=1.0,
        memory_mib=150,
        model_bytes=15_995_856,
        p50_ms=4.37,
        p95_ms=6.635,
        p99_ms=10.109,
        requests_per_second=244.3,
        hardware="AMD EPYC (avx2), 2 cores",
    ),
    max_wait_ms=75.0,
    client=0.049,
    late_ms=3.5,
    rates=range(360, 521, 10),
)
VNNI = Run(
    RECORDED / "vnni.json",
    Serving(
        vcpu=1.0,
        memory_mib=167,
        model_bytes=15_102_512,
        p50_ms=1.271,
        p95_ms=2.055,
        p99_ms=5.042,
        requests_per_second=906.0,
        hardware="Intel(R) Xeon(R) Processor (avx512_vnni), 2 cores",
    ),
    max_wait_ms=50.0,
    client=0.078,
    late_ms=2.2,
    rates=range(1300, 1801, 25),
)


@dataclass(frozen=True)
class Compared:
    """Windows at one rate, within 2 %."""

    rate: float
    windows: int
    measured_ms: float  # median p99; infinite where over 1 % were refused
    predicted_ms: float

    @property
    def error(self) -> float:
        return self.predicted_ms / self.measured_ms - 1

    @property
    def verdict(self) -> str:
        if math.isfinite(self.measured_ms):
            return f"{100 * self.error:+5.0f} %"
        how = "as" if math.isinf(self.predicted_ms) else "not"
        return f"  refused, {how} predicted"


def compared(run: Run) -> list[Compared]:
    """Return a row for each rate at which the client was quick enough."""
    raw = json.loads(run.path.read_text(encoding="utf-8"))
    windows = [
        window
        for window in raw["windows"]
        if window["server"] == OURS and window["late_p99_ms"] <= QUIET_MS
    ]
    return [_row(run, group) for group in _grouped(windows)]


def highest_in_time(run: Run) -> float:
    """Return the median over the rounds of the highest rate with p99 <= 100 ms."""
    raw = json.loads(run.path.read_text(encoding="utf-8"))
    rates = [float(w["rate"]) for w in raw["best"] if w["server"] == OURS]
    return statistics.median(rates)


def predicted_highest(run: Run) -> float:
    """Return the highest of its rates at which the simulated p99 is within 100 ms."""
    told = {"client": run.client, "late_ms": run.late_ms}
    return max(rate for rate in run.rates if p99(run, rate, **told) <= 100)


def _grouped(windows: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    group: list[dict[str, Any]] = []
    for window in sorted(windows, key=lambda w: float(w["rate"])):
        if group and window["rate"] > 1.02 * group[0]["rate"]:
            yield group
            group = []
        group.append(window)
    yield group


def _row(run: Run, group: Sequence[dict[str, Any]]) -> Compared:
    found = [math.inf if w["p99_ms"] is None else float(w["p99_ms"]) for w in group]
    rate = statistics.mean(w["rate"] for w in group)
    taken = statistics.mean(w["client_cpu_seconds"] / w["seconds"] for w in group)
    late = statistics.mean(w["late_p99_ms"] for w in group)
    predicted = p99(run, rate, client=taken / CORES, late_ms=late)
    return Compared(rate, len(group), statistics.median(found), predicted)


def p99(run: Run, rate: float, *, client: float, late_ms: float) -> float:
    """Return the median p99 of simulated windows, from the scheduled times.

    The client takes a share of the cores, and is itself late: exponentially, with
    `late_ms` as its 99th percentile.
    """
    server = Server(service_time(run.serving).on(1 - client), CORES, run.max_wait_ms)
    late = math.log(100) / late_ms
    return statistics.median(_window(server, rate, late, n) for n in range(WINDOWS))


def _window(server: Server, rate: float, late: float, seed: int) -> float:
    random, now, times = Random(seed), 0.0, []
    while (now := now + random.expovariate(rate / 1000)) < 1000 * SECONDS:
        times.append(now)
    served = Queue(server, random).latencies(times)
    found = sorted(ms + random.expovariate(late) for ms in served)
    return found[int(0.99 * len(found))]


def main() -> int:
    for run in (AVX2, VNNI):
        print(run.serving.hardware)
        print("offered/s  windows  measured p99  predicted  error")
        for row in compared(run):
            print(
                f"{row.rate:9.0f}  {row.windows:7}  {row.measured_ms:12.1f}"
                f"  {row.predicted_ms:9.1f}  {row.verdict}"
            )
        print(
            f"highest rate with p99 <= 100 ms: measured {highest_in_time(run):.0f},"
            f" predicted {predicted_highest(run):.0f}\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
