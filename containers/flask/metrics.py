"""What a server counts of itself, cheaply; exposition.py and emf.py tell it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from threading import Lock

# R20 of ISO 3, 12 % apart: fine enough for a percentile, few enough for one EMF array.
_R20 = (1, 1.12, 1.25, 1.4, 1.6, 1.8, 2, 2.24, 2.5, 2.8, 3.15, 3.55, 4, 4.5, 5, 5.6, 6.3, 7.1, 8, 9)  # fmt: skip
LATENCY_BOUNDS = tuple(
    round(step * 10**decade, 7)
    for decade in range(-3, 2)
    for step in _R20
    if step * 10**decade <= 60
)  # seconds, 1 ms to 56 s
ROW_BOUNDS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)


class Distribution:
    """How many values fell up to each bound, and beyond the last."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(
        self,
        bounds: tuple[float, ...],
        counts: list[int] | None = None,
        total: float = 0.0,
    ) -> None:
        self.bounds = bounds
        self.counts = counts or [0] * (len(bounds) + 1)
        self.total = total

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def copy(self) -> Distribution:
        return Distribution(self.bounds, self.counts.copy(), self.total)

    def since(self, before: Distribution | None) -> Distribution:
        """Return what was added after `before`, a copy of this one, was made."""
        if before is None:
            return self.copy()
        counts = [a - b for a, b in zip(self.counts, before.counts, strict=True)]
        return Distribution(self.bounds, counts, self.total - before.total)


def _nothing() -> float:
    return 0.0


@dataclass(frozen=True)
class Gauges:
    """What is asked when somebody looks, not counted while it happens."""

    in_flight: Callable[[], float] = _nothing  # requests accepted, not yet answered
    queue_length: Callable[[], float] = _nothing  # rows that wait for the engine
    estimated_wait: Callable[[], float] = _nothing  # seconds until a new row's turn
    cache_bytes: Callable[[], float] = _nothing
    cache_entries: Callable[[], float] = _nothing
    ready: Callable[[], float] = _nothing  # 1 or 0


@dataclass
class Counts:
    """All that was counted since the process started."""

    requests: dict[tuple[str, int], Distribution] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    rows: Distribution = field(default_factory=lambda: Distribution(ROW_BOUNDS))
    tokens: int = 0
    padding: int = 0
    engine_seconds: float = 0.0
    cache_hits: int = 0
    cache_misses: int = 0


class Metrics:
    """Counters that any thread may add to; two microseconds a request, all together.

    The lock is why: an unlocked `+=` may lose counts between engine threads.
    """

    def __init__(self, labels: Mapping[str, str] | None = None) -> None:
        """`labels` stand at every series: which model, and which version of it."""
        self.labels = dict(labels or {})
        self.gauges = Gauges()
        self._counts = Counts()
        self._lock = Lock()

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count an answer; `route` is one of a few names, never what a client sent."""
        requests = self._counts.requests
        with self._lock:
            if (times := requests.get((route, status))) is None:
                times = requests[route, status] = Distribution(LATENCY_BOUNDS)
            times.add(seconds)

    def batch(self, rows: int, tokens: int, padded: int, seconds: float) -> None:
        """Count an engine run: rows, their tokens, tokens with padding, its CPU time."""
        counts = self._counts
        with self._lock:
            counts.rows.add(rows)
            counts.tokens += tokens
            counts.padding += padded - tokens
            counts.engine_seconds += seconds

    def rejected(self, reason: str) -> None:
        """Count a request that was refused unread: `reason` is one of a few names."""
        rejected = self._counts.rejected
        with self._lock:
            rejected[reason] = rejected.get(reason, 0) + 1

    def cache(self, hits: int, misses: int) -> None:
        counts = self._counts
        with self._lock:
            counts.cache_hits += hits
            counts.cache_misses += misses

    def watch(self, **gauges: Callable[[], float]) -> None:
        """Name what to ask for the gauges: fields of Gauges."""
        self.gauges = replace(self.gauges, **gauges)

    def counts(self) -> Counts:
        """Return a copy that stays as it is."""
        with self._lock:
            counts = self._counts
            return replace(
                counts,
                requests={key: d.copy() for key, d in counts.requests.items()},
                rejected=counts.rejected.copy(),
                rows=counts.rows.copy(),
            )
