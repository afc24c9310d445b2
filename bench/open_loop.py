"""Open-loop load on something that answers a text: arrivals do not wait for answers.

A caller that waits for its answer before it asks again hides what a slow server does
to everybody else. Here texts arrive as a Poisson process, and an answer's latency
counts from when its text was due, not from when a thread was free to send it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle

CALLERS = 128  # threads: as many texts can wait for their answers at a time

Ask = Callable[[str], str]  # text -> label; raises RefusedError


class RefusedError(Exception):
    """The server said that it has no room."""


@dataclass(frozen=True)
class Outcome:
    """What one run saw; latencies are those of right answers, in milliseconds."""

    offered: int
    refused: int
    wrong: int
    seconds: float
    latencies_ms: list[float]

    @property
    def answered_per_second(self) -> float:
        return len(self.latencies_ms) / self.seconds

    def quantile_ms(self, share: float) -> float:
        """Return the latency that this share of offered texts did not exceed.

        A refused or wrong answer counts as one that never came.
        """
        if (place := int(share * self.offered)) >= len(self.latencies_ms):
            return float("inf")
        return sorted(self.latencies_ms)[place]


def offer(
    ask: Ask,
    texts: Sequence[str],
    right: Sequence[str],
    *,
    rate: float,
    seconds: float,
    seed: int,
) -> Outcome:
    """Offer `rate` texts a second for `seconds`, and wait for every answer.

    Texts come in turn, so their lengths are in their natural mix; `right` are their
    labels.
    """
    arrivals = random.Random(seed)
    pairs = cycle(zip(texts, right, strict=True))

    def one(text: str, label: str, due: float) -> float | None:
        """Return milliseconds, or None for a wrong answer."""
        answered = ask(text)
        taken = 1e3 * (time.perf_counter() - due)
        return taken if answered == label else None

    with ThreadPoolExecutor(CALLERS) as pool:
        begun = time.perf_counter()
        due, waiting = begun, []
        while (due := due + arrivals.expovariate(rate)) < begun + seconds:
            time.sleep(max(0.0, due - time.perf_counter()))
            waiting.append(pool.submit(one, *next(pairs), due))
    ended = time.perf_counter()
    failures = [each.exception() for each in waiting]
    for failure in failures:
        if failure is not None and not isinstance(failure, RefusedError):
            raise failure
    taken = [each.result() for each in waiting if each.exception() is None]
    return Outcome(
        offered=len(waiting),
        refused=len(waiting) - len(taken),
        wrong=taken.count(None),
        seconds=ended - begun,
        latencies_ms=[each for each in taken if each is not None],
    )
