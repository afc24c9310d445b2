"""The decision report: what each variant is, costs and gives, and which one ships."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from costs.energy import PredictionEnergy
from manifest import Engine, Figure, Quality, Serving
from model_build.calibration import Calibration
from model_build.engines import EngineReport
from model_build.forecast import Forecast
from model_build.gates import Found, GateResult, find_difference, find_figure
from model_build.lost import Lost
from model_build.measure import Conditions, Served
from model_build.model import Finding
from model_build.seeds import Repeated
from model_build.spec import Licences
from model_build.statistics import Interval, PairedComparison

SCHEMA = 5
SPARSE = 0.05  # of the parameters: fewer zeros come about by themselves


@dataclass(frozen=True)
class PassEffect:
    """What one pass cost and won: the variant beside the one the pass was given."""

    difference: Mapping[str, Interval]  # of each figure, on the same examples
    p_value: float  # McNemar's
    bytes_ratio: float
    compressed_ratio: float
    p50_speedup: Interval | None
    p99_ratio: float | None
    dollars_ratio: float | None
    faster: bool  # the whole interval of its speed-up says so


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
    findings: Sequence[Finding]  # what integers do to its operations; worst first
    bytes: int  # of the model file
    compressed_bytes: int  # gzip, as a registry stores it
    bytes_ratio: float
    quality: PairedComparison
    examples: int
    serving: Served | None
    dollars_per_million: float | None
    faster: bool  # than the baseline: the whole interval says so
    effect: PassEffect | None  # of the pass that made it; None for the first
    calibration: Calibration | None  # where the answers have probabilities
    dominated_by: Sequence[str]  # better or equal in quality, p99, bytes and dollars
    # Of a million at full load, by costs/energy.py; reports of before have none.
    energy: PredictionEnergy | None = None

    @property
    def sparse(self) -> bool:
        """Whether zeros are what its pass made: smaller only when compressed."""
        return self.zeros > SPARSE * self.parameters

    def find(self, measure: str) -> Found | None:
        """What a gate asks for; None where it was not measured."""
        if found := find_figure(self.quality.figures, measure, self.examples):
            return found
        if measure == "agreement":
            agreement = self.quality.agreement
            return Found(agreement.value, agreement, self.examples)
        if measure == "p50_speedup" and self.serving is not None:
            speedup = self.serving.p50_speedup
            return Found(speedup.value, speedup, len(self.serving.rounds_ms))
        served = {"p50_ms", "p99_ms", "requests_per_second", "memory_mib"}
        value = getattr(self.serving if measure in served else self, measure, None)
        return None if value is None else Found(float(value))

    def difference(self, measure: str) -> Found | None:
        return find_difference(self.quality.figures, measure, self.examples)

    def manifest_quality(self, measure: str) -> Quality:
        figures = {
            name: Figure(*(round(x, 6) for x in (own.value, own.low, own.high)))
            for name, own in ((n, f.own) for n, f in self.quality.figures.items())
        }
        return Quality(self.examples, measure, figures)


def manifest_serving(
    served: Served, conditions: Conditions, model_bytes: int
) -> Serving:
    return Serving(
        vcpu=float(conditions.server_cores),
        memory_mib=served.memory_mib,
        p50_ms=round(served.p50_ms, 3),
        p95_ms=round(served.p95_ms, 3),
        p99_ms=round(served.p99_ms, 3),
        requests_per_second=round(served.requests_per_second, 1),
        model_bytes=model_bytes,
        hardware=conditions.hardware,
    )


@dataclass(frozen=True)
class Tried:
    """One point that a search looked at."""

    number: int
    settings: Mapping[str, Any]
    rung: int  # of successive halving: how long it was trained
    quality: float  # of the spec's measure, on the validation split
    cost: float  # of what the search minimises
    variant: str | None  # that it became


@dataclass(frozen=True)
class Report:
    name: str
    task: str
    measure: str  # the figure that variants are compared by
    baseline: str
    release: str
    engine: Engine  # that runs the released variant
    version: str
    passed: bool
    gates: Sequence[GateResult]
    variants: Sequence[VariantReport]
    repeated: Repeated | None  # the released chain, with other seeds
    lost: Sequence[Lost]  # right by the baseline, wrong by the released variant
    clusters: int  # of test examples that were drawn together
    engines: Mapping[Engine, EngineReport]  # of the released variant; the first first
    conditions: Conditions | None
    seed: int
    resamples: int
    spec_digest: str
    data_digest: str
    data_source: str
    data_counts: Mapping[str, Mapping[str, int]]
    checkpoint_source: str
    licences: Licences
    price_region: str
    price_as_of: str
    software: Mapping[str, str]
    goal: str | None = None  # what the search minimised
    tried: Sequence[Tried] = ()
    planned: Sequence[Forecast] = ()  # what the plan said, and what became of it
    schema: int = SCHEMA

    def variant(self, name: str) -> VariantReport:
        return next(v for v in self.variants if v.name == name)

    @property
    def chain(self) -> Sequence[VariantReport]:
        """The variants from the first to the one that is to ship."""
        found = [self.variant(self.release)]
        while found[0].of is not None:
            found.insert(0, self.variant(found[0].of))
        return found

    def to_json(self) -> bytes:
        """The report in the order of its fields, which never changes."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def read_report(path: Path) -> Report:
    return msgspec.json.decode(path.read_bytes(), type=Report)
