"""What the server counts, and how Prometheus and CloudWatch are told."""

from __future__ import annotations

import json
import time
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import validate
from prometheus_client.parser import text_string_to_metric_families

from containers.flask.emf import UNITS, Report, start
from containers.flask.exposition import TOLD_S, Exposition
from containers.flask.metrics import LATENCY_BOUNDS, Distribution, Metrics

LABELS = {"model": "support-sentiment", "model_version": "3f1c9a07be24"}
DIMENSIONS = {"stage": "dev", "endpoint": "support"}

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
# _aws as its schema has it, and what its text says of targets: numbers, at most 100.
NUMBERS = {"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": 100}
EMF = {
    "type": "object",
    "required": ["_aws", *DIMENSIONS],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "properties": {
                "Timestamp": {"type": "integer"},
                "CloudWatchMetrics": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["Namespace", "Dimensions", "Metrics"],
                        "properties": {
                            "Namespace": {"type": "string", "minLength": 1},
                            "Dimensions": {
                                "type": "array",
                                "minItems": 1,
                                "items": {
                                    "type": "array",
                                    "items": {"type": "string"},
                                    "minItems": 1,
                                    "maxItems": 30,
                                },
                            },
                            "Metrics": {
                                "type": "array",
                                "maxItems": 100,
                                "items": {
                                    "type": "object",
                                    "required": ["Name"],
                                    "additionalProperties": False,
                                    "properties": {
                                        "Name": {"type": "string", "minLength": 1},
                                        "Unit": {"enum": ["Count", "Milliseconds"]},
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
        **{name: {"type": "number"} for name in UNITS},
        **{
            name: {
                "type": "object",
                "required": ["Values", "Counts", "Min", "Max", "Sum", "Count"],
                "properties": {"Values": NUMBERS, "Counts": NUMBERS},
            }
            for name in ("Latency", "BatchSize")
        },
    },
}


@pytest.fixture
def metrics() -> Metrics:
    metrics = Metrics(LABELS)
    metrics.answered("predict", 200, 0.004)
    metrics.answered("predict", 200, 0.006)
    metrics.answered("predict", 429, 0.0002)
    metrics.batch(3, 60, 72, 0.005)
    metrics.cache(1, 2)
    metrics.rejected("busy")
    metrics.watch(queue_length=lambda: 5, ready=lambda: 1)
    return metrics


def series(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample by its name and the labels that are its own."""
    body, content_type = Exposition(metrics).encode()
    assert content_type.startswith("text/plain")
    found = {}
    for family in text_string_to_metric_families(body.decode()):
        assert family.documentation
        for sample in family.samples:
            labels = dict(sample.labels)
            if sample.name.startswith("lathe"):
                assert {name: labels.pop(name) for name in LABELS} == LABELS
            found[sample.name, frozenset(labels.items())] = sample.value
    return found


def own(**labels: str) -> frozenset[tuple[str, str]]:
    return frozenset(labels.items())


def test_prometheus_is_told_all_that_was_counted(metrics: Metrics) -> None:
    found = series(metrics)
    predicted = {"route": "predict", "status": "200"}
    assert found["lathe_requests_total", own(**predicted)] == 2
    assert found["lathe_requests_total", own(route="predict", status="429")] == 1
    assert found["lathe_request_seconds_sum", own(**predicted)] == pytest.approx(0.01)
    assert found["lathe_rejected_total", own(reason="busy")] == 1
    assert found["lathe_tokens_total", own(kind="text")] == 60
    assert found["lathe_tokens_total", own(kind="padding")] == 12
    assert found["lathe_engine_seconds_total", own()] == 0.005
    assert found["lathe_batch_rows_bucket", own(le="2")] == 0
    assert found["lathe_batch_rows_bucket", own(le="3")] == 1
    assert found["lathe_cache_hits_total", own()] == 1
    assert found["lathe_cache_misses_total", own()] == 2
    assert found["lathe_queue_rows", own()] == 5
    assert found["lathe_ready", own()] == 1
    assert found["process_resident_memory_bytes", own()] > 1e6
    assert found["process_cpu_seconds_total", own()] > 0


def test_latency_buckets_hold_what_was_up_to_their_bound(metrics: Metrics) -> None:
    found = series(metrics)
    buckets = {
        bound: found["lathe_request_seconds_bucket", own(le=bound, route="predict", status="200")]
        for bound in ("0.001", "0.0025", "0.005", "0.01", "10", "+Inf")
    }  # fmt: skip
    assert list(buckets.values()) == [0, 0, 1, 2, 2, 2]


def test_bounds_that_are_told_are_counted() -> None:
    assert set(TOLD_S) <= set(LATENCY_BOUNDS)
    assert list(LATENCY_BOUNDS) == sorted(LATENCY_BOUNDS)
    assert len(LATENCY_BOUNDS) < 100


def test_openmetrics_is_answered_where_it_is_asked_for(metrics: Metrics) -> None:
    accept = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    body, content_type = Exposition(metrics).encode(accept)
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


@given(st.lists(st.floats(0, 100)))
def test_a_distribution_loses_nothing(values: list[float]) -> None:
    counted = Distribution(LATENCY_BOUNDS)
    for value in values:
        counted.add(value)
    assert sum(counted.counts) == len(values)
    assert sum(counted.since(counted.copy()).counts) == 0


def test_no_count_is_lost_between_threads() -> None:
    metrics = Metrics()

    def count() -> None:
        for _ in range(20_000):
            metrics.batch(1, 1, 1, 0.0)

    threads = [Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert metrics.counts().tokens == 80_000


def test_cloudwatch_is_told_what_happened_since_the_last_line() -> None:
    report = Report(fresh := Metrics(LABELS), DIMENSIONS)
    fresh.answered("predict", 200, 0.0041)
    fresh.batch(3, 60, 72, 0.005)
    fresh.rejected("busy")
    fresh.cache(1, 2)
    first = json.loads(report.line(1.5))
    validate(first, EMF)
    assert {name: first[name] for name in DIMENSIONS} == DIMENSIONS
    assert first["_aws"]["Timestamp"] == 1500
    assert first["Latency"] == {
        "Values": [4.5],
        "Counts": [1],
        "Min": 4.5,
        "Max": 4.5,
        "Sum": 4.1,
        "Count": 1,
    }
    assert first["BatchSize"]["Values"] == [3]
    counts = ("Requests", "Rejected", "CacheHits", "CacheMisses", "Tokens")
    assert [first[name] for name in counts] == [1, 1, 1, 2, 60]
    quiet = json.loads(report.line(2))
    validate(quiet, EMF)
    assert [quiet[name] for name in counts] == [0, 0, 0, 0, 0]
    assert "Latency" not in quiet


def test_every_metric_of_a_line_is_in_it_and_has_its_unit(metrics: Metrics) -> None:
    report = Report(metrics, DIMENSIONS)
    for milliseconds in range(200_000):
        metrics.answered("infer", 200, milliseconds / 1000)
    metrics.batch(1, 1, 1, 0)
    line: dict[str, Any] = json.loads(report.line(0))
    validate(line, EMF)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    told = {each["Name"]: each["Unit"] for each in directive["Metrics"]}
    assert told == UNITS
    assert told.keys() <= line.keys()
    assert len(json.dumps(line)) < 4096


def test_a_line_a_period_and_one_at_the_end_if_asked_for() -> None:
    lines: list[str] = []
    environment = {"METRICS": "emf", "STAGE": "dev"}
    stop = start(Metrics(), environment, period_s=0.02, write=lines.append)
    time.sleep(0.2)
    stop()
    assert len(lines) >= 2
    assert json.loads(lines[0])["endpoint"] == "none"
    start(Metrics(), {}, period_s=0.001, write=pytest.fail)()
