"""Ten times the peak: what a server with one core does for those it takes in.

The server has one core to itself and the generator another, at the peak and above it
alike: a generator of ten times the load would otherwise take the server's core. The
cache is off. The peak is the highest rate at which 99 % of all requests are answered
rightly within the SLO; it is offered for a while before and after the overload.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.faults.memory import watch
from bench.faults.promise import Promise, at_least, at_most, none
from bench.faults.texts import ask_each
from bench.server import Server, litert_command, serve
from bench.serving.offered import Offered, Question, offer

SLO_MS = 100.0
REFUSAL_MS = 5.0
GROWTH_PERCENT = 2.0
GOODPUT_SHARE = 0.95
STEPS = 5  # of the search between a rate that held and one that did not


@dataclass(frozen=True)
class Overload:
    """Requests a second, milliseconds, percent."""

    peak: float
    goodput_at_peak: float  # mean of before and after
    offered: float
    goodput: float
    accepted_p99_ms: float
    refused: int
    refusal_p99_ms: float
    wrong: int
    failed: int
    lost: int
    growth_percent: float
    late_p99_ms: float  # the generator
    complaint: str

    def promises(self, *, is_timed: bool = True) -> list[Promise]:
        """`is_timed` is False on a machine that has other work to do."""
        kept = [
            none("wrong answers", self.wrong),
            none("neither answered nor refused", self.failed + self.lost),
        ]
        if not is_timed:
            return kept
        return [
            at_most("generator late, p99", self.late_p99_ms, 10, "ms"),
            at_least(
                "goodput of the peak's",
                self.goodput / self.goodput_at_peak,
                GOODPUT_SHARE,
            ),
            at_most("accepted, p99", self.accepted_p99_ms, SLO_MS, "ms"),
            at_most("refused, p99", self.refusal_p99_ms, REFUSAL_MS, "ms"),
            at_most("memory growth", self.growth_percent, GROWTH_PERCENT, "%"),
            *kept,
        ]


def overload(
    artifact: Path,
    path: str,
    texts: Sequence[str],
    *,
    python: Path,
    seconds: float,
    window_s: float,
    times: float = 10,
    say: Callable[[str], None] = print,
) -> Overload:
    """Find the peak, offer `times` as much, and the peak again."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[-1:])  # the generator's, which is our child
    try:
        command = litert_command(artifact, python=python)
        environment = {"CACHE_MIB": "0"}
        with serve(command, cores=cores[:1], environment=environment) as server:
            questions = ask_each(server.port, path, texts)
            return _overload(server, path, questions, seconds, window_s, times, say)
    finally:
        os.sched_setaffinity(0, cores)


def _overload(
    server: Server,
    path: str,
    questions: Sequence[Question],
    seconds: float,
    window_s: float,
    times: float,
    say: Callable[[str], None],
) -> Overload:
    def run(rate: float, for_s: float) -> Offered:
        return offer(server.port, path, questions, rate=rate, seconds=for_s)

    run(50, 1)  # its first requests are not what is measured
    peak = find_peak(lambda rate: run(rate, window_s), say)
    run(times * peak, min(5, window_s))  # buffers grow now
    before = run(peak, 2 * window_s)
    say(f"overload   {times * peak:.0f}/s for {seconds:.0f} s")
    with watch(server, say) as memory:
        above = run(times * peak, seconds)
    after = run(peak, 2 * window_s)
    return Overload(
        peak=peak,
        goodput_at_peak=statistics.mean((before.goodput, after.goodput)),
        offered=above.scheduled / above.seconds,
        goodput=above.goodput,
        accepted_p99_ms=above.accepted_quantile_ms(0.99),
        refused=len(above.refusals_ms),
        refusal_p99_ms=above.refusal_quantile_ms(0.99),
        wrong=above.wrong + before.wrong + after.wrong,
        failed=above.failed + before.failed + after.failed,
        lost=above.lost + before.lost + after.lost,
        growth_percent=memory.growth_percent,
        late_p99_ms=above.late_p99_ms,
        complaint=above.complaint or before.complaint or after.complaint,
    )


def find_peak(
    run: Callable[[float], Offered], say: Callable[[str], None], *, first: float = 50
) -> float:
    """Return the highest rate whose requests are answered within the SLO at p99."""
    held, rate = 0.0, first
    while _holds(run(rate), say):
        held, rate = rate, rate * 1.6
    low, high = held or rate / 16, rate
    for _ in range(STEPS):
        middle = (low * high) ** 0.5
        if _holds(run(middle), say):
            low = middle
        else:
            high = middle
    return low


def _holds(offered: Offered, say: Callable[[str], None]) -> bool:
    p99_ms = offered.quantile_ms(0.99)
    say(f"peak?      {offered.rate:7.0f}/s  p99 {p99_ms:7.1f} ms")
    return p99_ms <= SLO_MS
