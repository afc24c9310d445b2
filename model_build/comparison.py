"""Every variant beside the baseline and beside the variant that its pass was given."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from costs.book import PriceBook
from costs.energy import PredictionEnergy, energy_per_million
from costs.predictions import dollars_per_million
from manifest import Serving
from model_build.calibration import calibration
from model_build.measure import Measurements, Served
from model_build.model import Finding
from model_build.report import PassEffect, VariantReport, manifest_serving
from model_build.spec import Spec
from model_build.statistics import PairedComparison, compare, ratio
from model_build.tasks import Judged


@dataclass(frozen=True)
class Exported:
    """What is known of a variant before it is compared."""

    name: str
    layers: Sequence[Mapping[str, int]]
    parameters: int
    zeros: int
    precision: str
    findings: Sequence[Finding]
    file: Path  # that holds the exported weights
    judged: Judged  # on the test split


@dataclass(frozen=True)
class Truth:
    """The test split, as far as comparisons need it."""

    labels: np.ndarray  # int [examples]; -1 where the answers are words
    clusters: np.ndarray | None = None  # examples of one are drawn together
    resamples: int = 2000
    seed: int = 0

    def compare(self, own: Judged, other: Judged) -> PairedComparison:
        return compare(
            own,
            other,
            self.labels,
            resamples=self.resamples,
            seed=self.seed,
            clusters=self.clusters,
        )


def compare_variants(
    spec: Spec,
    exported: Sequence[Exported],
    truth: Truth,
    measurements: Measurements | None,
    book: PriceBook,
) -> list[VariantReport]:
    """Set every variant beside the baseline, which comes first, and its own parent."""
    judged = {each.name: each.judged for each in exported}
    baseline = exported[0]
    reports: dict[str, VariantReport] = {}
    for index, each in enumerate(exported):
        parent = spec.parent(index)
        settings = spec.passes[index].settings
        served = measurements.variants.get(each.name) if measurements else None
        probabilities = each.judged.probabilities
        size = each.file.stat().st_size
        serving = _serving(served, measurements, size)
        own = VariantReport(
            name=each.name,
            of=parent,
            made_by=settings.name,
            settings={f: getattr(settings, f) for f in settings.__struct_fields__},
            layers=each.layers,
            parameters=each.parameters,
            zeros=each.zeros,
            precision=each.precision,
            findings=each.findings,
            bytes=size,
            compressed_bytes=len(gzip.compress(each.file.read_bytes(), 6, mtime=0)),
            bytes_ratio=size / baseline.file.stat().st_size,
            quality=truth.compare(each.judged, baseline.judged),
            examples=len(truth.labels),
            serving=served,
            dollars_per_million=_dollars(serving, book),
            energy=_energy(serving, book),
            faster=served is not None and served.p50_speedup.low > 1,
            effect=None,
            calibration=None
            if probabilities is None
            else calibration(probabilities, truth.labels),
            dominated_by=(),
        )
        if parent is not None:
            quality = truth.compare(each.judged, judged[parent])
            own = replace(own, effect=_effect(own, reports[parent], quality))
        reports[each.name] = own
    every = [*reports.values()]
    return [replace(r, dominated_by=dominators(r, every, spec.measure)) for r in every]


def _serving(
    served: Served | None, measurements: Measurements | None, size: int
) -> Serving | None:
    if served is None or measurements is None:
        return None
    return manifest_serving(served, measurements.conditions, size)


def _dollars(serving: Serving | None, book: PriceBook) -> float | None:
    return dollars_per_million(serving, book) if serving else None


def _energy(serving: Serving | None, book: PriceBook) -> PredictionEnergy | None:
    return energy_per_million(serving, book.region) if serving else None


def _effect(
    own: VariantReport, given: VariantReport, quality: PairedComparison
) -> PassEffect:
    speedup = p99 = dollars = None
    if own.serving is not None and given.serving is not None:
        rounds = (np.array(v.serving.rounds_ms) for v in (given, own) if v.serving)
        speedup = ratio(*rounds)
        p99 = own.serving.p99_ms / given.serving.p99_ms
    if own.dollars_per_million is not None and given.dollars_per_million is not None:
        dollars = own.dollars_per_million / given.dollars_per_million
    return PassEffect(
        difference={name: each.difference for name, each in quality.figures.items()},
        p_value=quality.p_value,
        bytes_ratio=own.bytes / given.bytes,
        compressed_ratio=own.compressed_bytes / given.compressed_bytes,
        p50_speedup=speedup,
        p99_ratio=p99,
        dollars_ratio=dollars,
        faster=speedup is not None and speedup.low > 1,
    )


def dominators(
    own: VariantReport, all_: Sequence[VariantReport], measure: str
) -> list[str]:
    """Which variants are as good or better in quality, p99, bytes and dollars."""

    def costs(v: VariantReport) -> tuple[float, ...]:
        p99 = v.serving.p99_ms if v.serving else 0.0
        dollars = v.dollars_per_million or 0.0
        return (-v.quality.figures[measure].own.value, p99, float(v.bytes), dollars)

    mine = costs(own)
    return [
        other.name
        for other in all_
        if costs(other) != mine
        and all(a <= b for a, b in zip(costs(other), mine, strict=True))
    ]
