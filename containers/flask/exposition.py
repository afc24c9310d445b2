"""Prometheus's view of the metrics: names, help, and the text format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from containers.flask.metrics import Counts, Distribution, Metrics

# Of the bounds that are counted, those that are told: a series each, a route, a status.
TOLD_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

_GAUGES = {
    "in_flight": ("lathe_requests_in_flight", "Requests accepted, not yet answered."),
    "queue_length": ("lathe_queue_rows", "Rows that wait for the engine."),
    "estimated_wait": (
        "lathe_estimated_wait_seconds",
        "How long a new row would wait for its turn; over MAX_WAIT_MS is refused.",
    ),
    "cache_bytes": ("lathe_cache_bytes", "Bytes of answers kept in the process."),
    "cache_entries": ("lathe_cache_entries", "Answers kept in the process."),
    "ready": (
        "lathe_ready",
        "1 while requests are taken, 0 while loading or draining.",
    ),
}


class Exposition(Collector):
    """Tells metrics to Prometheus; every series says which model and which version."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._names = tuple(metrics.labels)
        self._values = tuple(metrics.labels.values())
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def encode(self, accept: str = "") -> tuple[bytes, str]:
        """Return the metrics and their content type, as an Accept header asks."""
        encoder, content_type = choose_encoder(accept)
        return encoder(self._registry), content_type

    def collect(self) -> Iterator[Metric]:
        counts = self._metrics.counts()
        yield from self._requests(counts)
        yield self._counter(
            "lathe_rejected", "Requests refused.", counts.rejected, "reason"
        )
        yield self._histogram(
            "lathe_batch_rows",
            "Rows of an engine run.",
            [((), counts.rows, counts.rows.bounds)],
        )
        tokens = {"text": counts.tokens, "padding": counts.padding}
        yield self._counter("lathe_tokens", "Tokens the engine ran.", tokens, "kind")
        seconds = {"": counts.engine_seconds}
        yield self._counter(
            "lathe_engine_seconds",
            "CPU time of the engine's runs, of the threads that began them.",
            seconds,
        )
        hits, misses = {"": counts.cache_hits}, {"": counts.cache_misses}
        yield self._counter("lathe_cache_hits", "Texts answered before.", hits)
        yield self._counter("lathe_cache_misses", "Texts not answered before.", misses)
        for name, (series, help_) in _GAUGES.items():
            gauge = GaugeMetricFamily(series, help_, labels=self._names)
            gauge.add_metric(self._values, getattr(self._metrics.gauges, name)())
            yield gauge

    def _requests(self, counts: Counts) -> Iterator[Metric]:
        labels = [*self._names, "route", "status"]
        total = CounterMetricFamily("lathe_requests", "Answers.", labels=labels)
        rows = []
        for (route, status), times in counts.requests.items():
            values = (route, str(status))
            total.add_metric((*self._values, *values), sum(times.counts))
            rows.append((values, times, TOLD_S))
        yield total
        yield self._histogram(
            "lathe_request_seconds",
            "From a request's last byte to its answer.",
            rows,
            ("route", "status"),
        )

    def _counter(
        self,
        name: str,
        help_: str,
        values: Mapping[str, float],
        label: str | None = None,
    ) -> Metric:
        labels = [*self._names, *([label] if label else [])]
        family = CounterMetricFamily(name, help_, labels=labels)
        for key, value in values.items():
            family.add_metric((*self._values, *([key] if label else [])), value)
        return family

    def _histogram(
        self,
        name: str,
        help_: str,
        rows: Iterable[tuple[tuple[str, ...], Distribution, tuple[float, ...]]],
        labels: tuple[str, ...] = (),
    ) -> Metric:
        family = HistogramMetricFamily(name, help_, labels=[*self._names, *labels])
        for values, counted, told in rows:
            family.add_metric(
                (*self._values, *values), _buckets(counted, told), counted.total
            )
        return family


def _buckets(counted: Distribution, told: tuple[float, ...]) -> list[tuple[str, float]]:
    """Return how many values lie up to each bound that is told: cumulative."""
    buckets, sum_ = [], 0
    for bound, count in zip(counted.bounds, counted.counts, strict=False):
        sum_ += count
        if bound in told:
            buckets.append((f"{bound:g}", float(sum_)))
    return [*buckets, ("+Inf", float(sum_ + counted.counts[-1]))]
