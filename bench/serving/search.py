"""The highest rate that a server answers in time, found by offering it rates."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from bench.server import Server
from bench.serving.contenders import Contender
from bench.serving.offered import Offered, OfferError, Question, offer

_STRIDE = 1.6  # the longest step
_CONNECTIONS = 256  # over what 1,000 a second at 100 ms each have under way


@dataclass(frozen=True)
class Window:
    """One rate, offered to one server for a few seconds."""

    server: str
    round: int  # 0: the first look, which says where the rounds begin
    rate: float
    scheduled: int
    right: int
    wrong: int
    refused: int
    failed: int
    lost: int
    p50_ms: float
    p99_ms: float  # of all that were scheduled: infinite if 1 % was not answered
    cpu_seconds: float  # of the server's processes
    client_cpu_seconds: float
    late_p99_ms: float  # the client's own
    kept_schedule: bool
    seconds: float

    @property
    def goodput(self) -> float:
        return self.right / self.seconds

    @property
    def cpu_per_thousand(self) -> float:
        """Return the server's CPU seconds for 1,000 right answers."""
        return 1e3 * self.cpu_seconds / self.right if self.right else math.inf

    def passes(self, slo_ms: float) -> bool:
        return self.kept_schedule and self.p99_ms <= slo_ms


def window(
    contender: Contender,
    server: Server,
    questions: list[Question],
    *,
    rate: float,
    seconds: float,
    number: int,
    seed: int,
) -> Window:
    """Offer one rate and count the CPU it cost; raises OfferError."""
    before = server.cpu_seconds()
    found = offer(
        server.port,
        contender.path,
        questions,
        rate=rate,
        seconds=seconds,
        dialect=contender.dialect,
        seed=seed,
        connections=_CONNECTIONS,
    )
    return _window(contender.name, number, found, server.cpu_seconds() - before)


def _window(name: str, number: int, found: Offered, cpu_seconds: float) -> Window:
    return Window(
        server=name,
        round=number,
        rate=round(found.rate, 2),
        scheduled=found.scheduled,
        right=len(found.answers_ms),
        wrong=found.wrong,
        refused=len(found.refusals_ms),
        failed=found.failed,
        lost=found.lost,
        p50_ms=found.quantile_ms(0.5),
        p99_ms=found.quantile_ms(0.99),
        cpu_seconds=round(cpu_seconds, 3),
        client_cpu_seconds=found.client_cpu_seconds,
        late_p99_ms=found.late_p99_ms,
        kept_schedule=found.kept_schedule,
        seconds=found.seconds,
    )


def highest(
    measure: Callable[[float], Window],
    start: float,
    *,
    slo_ms: float,
    step: float,
    finest: float,
    tries: int = 1,
    slowest: float = 4,
    most: float = math.inf,
) -> Window:
    """Return the window of the highest rate that passed.

    From `start` the rate goes up or down by `step`, each time by the square of the last
    factor, until one rate passed and a higher one failed, then between them until they
    are within a factor of `finest`. A rate has failed after `tries` windows: a machine may hiccup once.
    Nothing above `most` is tried. Raises OfferError where not even `slowest` pass.
    """
    taken: list[Window] = []

    def passes(rate: float) -> bool:
        for _ in range(tries):
            taken.append(measure(rate))
            if taken[-1].passes(slo_ms):
                return True
        return False

    low, high, rate = 0.0, math.inf, min(start, most)
    while high > low * finest and low < most:
        if passes(rate):
            low = rate
            rate = rate * step if high == math.inf else math.sqrt(rate * high)
            rate = min(rate, most)
        else:
            high = rate
            rate = rate / step if low == 0 else math.sqrt(low * rate)
        step = min(step**2, _STRIDE)
        if rate < slowest:
            raise OfferError(f"{taken[-1].server}: under {slowest:g} a second in time")
    return max((w for w in taken if w.passes(slo_ms)), key=lambda w: w.rate)
