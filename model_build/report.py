"""The decision report: what each variant is, costs and gives, and which one ships."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from costs.book import PriceBook
from costs.predictions import dollars_per_million
from manifest import Engine, Figure, Quality, Serving
from model_build.engines import EngineReport
from model_build.measure import Conditions, Measurements, Served
from model_build.spec import Gate, Spec
from model_build.statistics import PairedComparison, compare
from model_build.tasks import Judged

SCHEMA = 3


@dataclass(frozen=True)
class GateResult:
    measure: str
    bound: str
    found: float | None
    passed: bool


@dataclass(frozen=True)
class VariantReport:
    """One exported, measured form of the model. Ratios are to the baseline."""

    name: str
    of: str | None
    made_by: str
    settings: Mapping[str, Any]
    layers: Sequence[Mapping[str, int]]  # heads and neurons
    parameters: int
    zeros: int  # of the parameters
    precision: str
    bytes: int  # of the model file
    compressed_bytes: int  # gzip, as a registry stores it
    bytes_ratio: float
    quality: PairedComparison
    examples: int
    serving: Served | None
    dollars_per_million: float | None
    faster: bool  # than the baseline: the whole interval says so
    dominated_by: Sequence[str]  # better or equal in quality, p50 and bytes

    def find(self, measure: str) -> float | None:
        """The figure a gate asks for; None where it was not measured."""
        found: dict[str, float | None] = {
            "bytes": self.bytes,
            "bytes_ratio": self.bytes_ratio,
            "parameters": self.parameters,
            "dollars_per_million": self.dollars_per_million,
        }
        for name, figure in self.quality.figures.items():
            found[name] = figure.own.value
            found[f"{name}_retained"] = figure.retained.value
        if self.serving is not None:
            found |= {
                "p50_speedup": self.serving.p50_speedup.value,
                "p50_ms": self.serving.p50_ms,
                "p99_ms": self.serving.p99_ms,
                "requests_per_second": self.serving.requests_per_second,
                "memory_mib": self.serving.memory_mib,
            }
        return found.get(measure)

    def manifest_quality(self, measure: str) -> Quality:
        figures = {
            name: Figure(*(round(x, 6) for x in (own.value, own.low, own.high)))
            for name, own in ((n, f.own) for n, f in self.quality.figures.items())
        }
        return Quality(self.examples, measure, figures)


def manifest_serving(served: Served, conditions: Conditions) -> Serving:
    return Serving(
        vcpu=float(conditions.server_cores),
        memory_mib=served.memory_mib,
        p50_ms=round(served.p50_ms, 3),
        p95_ms=round(served.p95_ms, 3),
        p99_ms=round(served.p99_ms, 3),
        requests_per_second=round(served.requests_per_second, 1),
        hardware=conditions.hardware,
    )


@dataclass(frozen=True)
class Report:
    name: str
    measure: str  # the figure that variants are compared by
    baseline: str
    release: str
    engine: Engine  # that runs the released variant
    version: str
    passed: bool
    gates: Sequence[GateResult]
    variants: Sequence[VariantReport]
    engines: Mapping[Engine, EngineReport]  # of the released variant; the first first
    conditions: Conditions | None
    seed: int
    resamples: int
    spec_digest: str
    data_digest: str
    data_source: str
    data_counts: Mapping[str, Mapping[str, int]]
    price_region: str
    price_as_of: str
    software: Mapping[str, str]
    schema: int = SCHEMA

    def variant(self, name: str) -> VariantReport:
        return next(v for v in self.variants if v.name == name)

    def to_json(self) -> bytes:
        """The report in the order of its fields, which never changes."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def read_report(path: Path) -> Report:
    return msgspec.json.decode(path.read_bytes(), type=Report)


@dataclass(frozen=True)
class Exported:
    """What is known of a variant before it is compared."""

    name: str
    layers: Sequence[Mapping[str, int]]
    parameters: int
    zeros: int
    precision: str
    file: Path  # the LiteRT file
    judged: Judged  # on the test split


def compare_variants(
    spec: Spec,
    exported: Sequence[Exported],
    truth: np.ndarray,
    measurements: Measurements | None,
    book: PriceBook,
) -> list[VariantReport]:
    """Set every variant beside the baseline, which comes first."""
    sizes = {e.name: e.file.stat().st_size for e in exported}
    baseline = exported[0]
    reports = []
    for index, (step, each) in enumerate(zip(spec.passes, exported, strict=True)):
        served = measurements.variants.get(each.name) if measurements else None
        settings = step.settings
        reports.append(
            VariantReport(
                name=each.name,
                of=spec.parent(index),
                made_by=settings.name,
                settings={f: getattr(settings, f) for f in settings.__struct_fields__},
                layers=each.layers,
                parameters=each.parameters,
                zeros=each.zeros,
                precision=each.precision,
                bytes=sizes[each.name],
                compressed_bytes=len(gzip.compress(each.file.read_bytes(), 6, mtime=0)),
                bytes_ratio=sizes[each.name] / sizes[baseline.name],
                quality=compare(
                    each.judged,
                    baseline.judged,
                    truth,
                    resamples=spec.measurement.resamples,
                    seed=spec.seed,
                ),
                examples=len(truth),
                serving=served,
                dollars_per_million=_dollars(served, measurements, book),
                faster=served is not None and served.p50_speedup.low > 1,
                dominated_by=(),
            )
        )
    return [
        replace(r, dominated_by=_dominators(r, reports, spec.measure)) for r in reports
    ]


def _dollars(
    served: Served | None, measurements: Measurements | None, book: PriceBook
) -> float | None:
    if served is None or measurements is None:
        return None
    return dollars_per_million(manifest_serving(served, measurements.conditions), book)


def _dominators(
    own: VariantReport, all_: Sequence[VariantReport], measure: str
) -> list[str]:
    def costs(v: VariantReport) -> tuple[float, ...]:
        p50 = v.serving.p50_ms if v.serving else 0.0
        return (-v.quality.figures[measure].own.value, p50, float(v.bytes))

    mine = costs(own)
    return [
        other.name
        for other in all_
        if costs(other) != mine
        and all(a <= b for a, b in zip(costs(other), mine, strict=True))
    ]


def judge(gates: Sequence[Gate], released: VariantReport) -> list[GateResult]:
    """Compare the released variant with each gate; a missing figure fails."""
    return [_result(gate, released.find(gate.measure)) for gate in gates]


def _result(gate: Gate, found: float | None) -> GateResult:
    low, high = gate.at_least, gate.at_most
    bound = f"at least {low:g}" if low is not None else f"at most {high:g}"
    passed = found is not None and (
        (low is None or found >= low) and (high is None or found <= high)
    )
    return GateResult(gate.measure, bound, found, passed)
