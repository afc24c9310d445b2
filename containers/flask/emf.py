"""CloudWatch's view of the metrics: one line a minute in the log, no agent, no calls.

CloudWatch Logs turns a line in the embedded metric format into metrics. Each of them
costs money by the month, so they are few, with one set of dimensions, and told by the
minute: what a request costs does not depend on this. A distribution is told as the
OpenTelemetry exporter does, as values with their counts: percentiles stay percentiles.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from threading import Event, Thread
from typing import Any

from containers.flask.log import write
from containers.flask.metrics import LATENCY_BOUNDS, Counts, Distribution, Metrics

NAMESPACE = "Lathe"
PREDICTIONS = {"predict", "infer"}  # routes
PERIOD_S = 60.0
UNITS = {
    "Requests": "Count",
    "Latency": "Milliseconds",
    "BatchSize": "Count",
    "Tokens": "Count",
    "CacheHits": "Count",
    "CacheMisses": "Count",
    "Rejected": "Count",
    "QueueLength": "Count",
}


def start(
    metrics: Metrics,
    environment: Mapping[str, str],
    *,
    period_s: float = PERIOD_S,
    write: Callable[[str], None] = write,
) -> Callable[[], None]:
    """Write a line every period, if METRICS=emf; return what writes the last and ends.

    STAGE and ENDPOINT of the environment are the dimensions; "none" where not set.
    """
    if environment.get("METRICS") != "emf":
        return lambda: None
    dimensions = {
        "stage": environment.get("STAGE") or "none",
        "endpoint": environment.get("ENDPOINT") or "none",
    }
    report, over = Report(metrics, dimensions), Event()

    def run() -> None:
        while not over.wait(period_s):
            write(report.line(time.time()))
        write(report.line(time.time()))

    thread = Thread(target=run, name="emf", daemon=True)
    thread.start()

    def stop() -> None:
        over.set()
        thread.join(timeout=1)

    return stop


class Report:
    """What happened from one line to the next."""

    def __init__(self, metrics: Metrics, dimensions: Mapping[str, str]) -> None:
        self._metrics = metrics
        self._dimensions = dimensions
        self._before = metrics.counts()

    def line(self, now: float) -> str:
        """Return a line of JSON; `now` is in seconds since 1970."""
        before, counts = self._before, self._metrics.counts()
        self._before = counts
        values = _values(counts, before)
        values["QueueLength"] = self._metrics.gauges.queue_length()
        directive = {
            "Namespace": NAMESPACE,
            "Dimensions": [list(self._dimensions)],
            "Metrics": [{"Name": name, "Unit": UNITS[name]} for name in values],
        }
        return json.dumps(
            {
                "_aws": {
                    "Timestamp": int(now * 1000),
                    "CloudWatchMetrics": [directive],
                },
                **self._dimensions,
                **self._metrics.labels,
                **values,
            },
            separators=(",", ":"),
        )


def _values(counts: Counts, before: Counts) -> dict[str, Any]:
    """A distribution in which nothing happened is left out: there is no zero of it."""
    times, requests = Distribution(LATENCY_BOUNDS), 0
    for (route, status), counted in counts.requests.items():
        if route not in PREDICTIONS:  # a health check says nothing of the model
            continue
        new = counted.since(before.requests.get((route, status)))
        requests += sum(new.counts)
        if status == 200:  # nor does how quickly others were refused
            times.counts = [
                a + b for a, b in zip(times.counts, new.counts, strict=True)
            ]
            times.total += new.total
    rows = counts.rows.since(before.rows)
    values: dict[str, Any] = {"Requests": requests}
    if any(times.counts):
        values["Latency"] = _told(times, scale=1000)
    if any(rows.counts):
        values["BatchSize"] = _told(rows)
    rejected = sum(counts.rejected.values()) - sum(before.rejected.values())
    return {
        **values,
        "Tokens": counts.tokens - before.tokens,
        "CacheHits": counts.cache_hits - before.cache_hits,
        "CacheMisses": counts.cache_misses - before.cache_misses,
        "Rejected": rejected,
    }


def _told(counted: Distribution, *, scale: float = 1) -> dict[str, Any]:
    """As values and counts; a value is its bucket's upper bound, so never flattered."""
    bounds = [*counted.bounds, counted.bounds[-1]]
    pairs = [
        (round(bound * scale, 3), count)
        for bound, count in zip(bounds, counted.counts, strict=True)
        if count
    ]
    return {
        "Values": [value for value, _ in pairs],
        "Counts": [count for _, count in pairs],
        "Min": pairs[0][0],
        "Max": pairs[-1][0],
        "Sum": round(counted.total * scale, 3),
        "Count": sum(counted.counts),
    }
