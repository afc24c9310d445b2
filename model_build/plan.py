"""What a spec will make, take and cost, before any of it is done.

From the spec, the checkpoint's config and the lengths of the texts: no weight is read
and TensorFlow is not imported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import msgspec

from model_build import sizes, sources
from model_build.bounds import figure
from model_build.checkpoint import SHAPE_FILES, CheckpointError, read_shape
from model_build.inputs import check_checkpoint
from model_build.load import Load, read_load, served_flops
from model_build.machine import Machine
from model_build.model import EncoderShape
from model_build.passes.base import PlanError
from model_build.progress import Progress
from model_build.search import check
from model_build.search_plan import SearchPlan, search_plan
from model_build.serving_plan import (
    CostPlan,
    Demand,
    ServingPlan,
    cost_plan,
    serving_plan,
)
from model_build.spec import Spec
from model_build.tasks import task_of
from model_build.training_plan import Training

MEMORY_GIB = {"small": 4, "medium": 8, "large": 16, "xlarge": 72, "2xlarge": 144}

PRICE_REGION = "us-east-1"  # as the report's


@dataclass(frozen=True)
class VariantPlan:
    """What one pass will make. Shapes are as far as they are known before training."""

    name: str
    of: str | None
    made_by: str
    layers: Sequence[Mapping[str, int]]  # heads and neurons
    parameters: int
    precision: str
    weight_bytes: Mapping[str, int]  # by the type its matrices would be stored in
    file_bytes: int  # of the LiteRT file, as it will be stored
    flops_per_token: float  # of a request's text; its padding is paid for by the rest
    flops_per_request: float
    training_mib: float | None  # peak; None where nothing is trained
    minutes: float | None  # None where the size of the data is not known
    serving: ServingPlan


@dataclass(frozen=True)
class Bound:
    """A bound of the spec, beside what is planned."""

    measure: str
    bound: str
    planned: float
    kept: bool


@dataclass(frozen=True)
class Plan:
    name: str
    release: str
    variants: Sequence[VariantPlan]
    search: SearchPlan | None
    tokens_per_request: float
    lengths_from: str
    other_minutes: float | None  # exports, answers to the test split, measurement
    minutes: float | None
    peak_mib: float
    hardware: str  # that minutes and memory are of
    bounds: Sequence[Bound]
    cost: CostPlan | None = None  # of what ships, where somebody says what is asked

    @property
    def fits(self) -> bool:
        kept = self.cost is None or self.cost.is_kept
        return kept and all(bound.kept for bound in self.bounds)

    def variant(self, name: str) -> VariantPlan:
        return next(v for v in self.variants if v.name == name)

    def to_json(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def plan(
    spec: Spec,
    data_dir: Path | None,
    machine: Machine,
    progress: Progress,
    demand: Demand | None = None,
) -> Plan:
    """Plan a spec's build, and what serving will cost where `demand` says of what.

    Data on a hub that does not answer is no error: `lengths_from` then says that the
    serving lengths stand for it, and there are no minutes. Raises what a build raises
    before its training: SpecError, PlanError, CheckpointError, DataError, SourceError.
    """
    task = task_of(spec.task, spec.labels, spec.data.texts, spec.data.truncate)
    checkpoint = sources.locate(spec.checkpoint.source, data_dir, SHAPE_FILES)
    shape = read_shape(checkpoint, task.head)
    planned = planned_shapes(spec, shape)
    check_checkpoint(spec, checkpoint, task)
    progress.say(f"plan: {len(planned)} passes can be applied; reading the data")
    load = read_load(spec, data_dir, task, checkpoint)
    return priced(planned_with(spec, shape, load, machine), demand)


def priced(found: Plan, demand: Demand | None) -> Plan:
    """Return a plan with what the variant that ships will cost a month.

    What a search is to find cannot be priced before: the plan then stays as it is.
    """
    names = [variant.name for variant in found.variants]
    if demand is None or found.release not in names:
        return found
    ships = found.variant(found.release)
    kernels = sizes.storage_of(ships.precision).kernels
    flops, size = ships.flops_per_request, ships.file_bytes
    return replace(found, cost=cost_plan(flops, size, kernels, demand))


def planned_shapes(spec: Spec, checkpoint: EncoderShape) -> dict[str, EncoderShape]:
    """Return each variant's shape.

    Raises PlanError that names the pass, its setting, the value and the bound; and
    CheckpointError where the checkpoint has no place for the longest row.
    """
    if (longest := max(spec.serving.lengths)) > checkpoint.positions:
        raise CheckpointError(
            f"serving.lengths: {longest} is above the checkpoint's "
            f"{checkpoint.positions} positions"
        )
    made: dict[str, EncoderShape] = {}
    for index, step in enumerate(spec.passes):
        parent = spec.parent(index)
        try:
            made[step.variant] = step.settings.planned(
                made[parent] if parent else checkpoint
            )
        except PlanError as error:
            why = str(error).removeprefix(f"{step.settings.name}.")
            raise PlanError(f"passes[{index}].{why}") from None
    if spec.search is not None:
        check(spec.search, made[spec.search.of or spec.baseline])
    return made


def planned_with(
    spec: Spec, checkpoint: EncoderShape, load: Load, machine: Machine
) -> Plan:
    """Plan a build of this data on this machine; raises what planned_shapes raises."""
    shapes = planned_shapes(spec, checkpoint)
    variants = [
        _variant(spec, index, shapes, load, machine)
        for index in range(len(spec.passes))
    ]
    other = _other_minutes(spec, variants, load, machine)
    search = search_plan(spec, shapes, load, machine)
    parts = [v.minutes for v in variants] + [other, search.minutes if search else 0.0]
    known = [part for part in parts if part is not None]
    minutes = sum(known) if len(known) == len(parts) else None
    peak = max((v.training_mib or 0.0 for v in variants), default=0.0)
    return Plan(
        name=spec.name,
        release=spec.release,
        variants=variants,
        search=search,
        tokens_per_request=float(load.lengths.sum() / load.examples),
        lengths_from=load.source,
        other_minutes=other,
        minutes=minutes,
        peak_mib=peak,
        hardware=machine.hardware,
        bounds=_bounds(spec, variants, minutes, peak),
    )


def _variant(
    spec: Spec,
    index: int,
    shapes: Mapping[str, EncoderShape],
    load: Load,
    machine: Machine,
) -> VariantPlan:
    step, parent = spec.passes[index], spec.parent(index)
    shape = shapes[step.variant]
    precision, storage = _precision(spec, index)
    given = shapes[parent] if parent else shape
    baseline = shapes[spec.baseline] if index else None
    training = Training(step.settings, given, shape, baseline)
    asked = served_flops(shape, spec.serving.lengths, load)
    size = sizes.file_bytes(shape, storage, spec.serving.lengths)
    return VariantPlan(
        name=step.variant,
        of=parent,
        made_by=step.settings.name,
        layers=[asdict(layer) for layer in shape.layers],
        parameters=sizes.parameters(shape),
        precision=precision,
        weight_bytes=sizes.weight_bytes(shape),
        file_bytes=size,
        flops_per_token=asked * load.examples / float(load.lengths.sum()),
        flops_per_request=asked,
        training_mib=training.mib(max(spec.serving.lengths), machine),
        minutes=training.minutes(load, machine),
        serving=serving_plan(step.variant, asked, size, storage.kernels, PRICE_REGION),
    )


def _precision(spec: Spec, index: int) -> tuple[str, sizes.Storage]:
    """How an export stores the variant: as the last pass before it that says so."""
    at: int | None = index
    variants = [step.variant for step in spec.passes]
    while at is not None:
        settings = spec.passes[at].settings
        if scheme := getattr(settings, "scheme", None):
            embeddings = getattr(settings, "embeddings", None)
            return scheme, sizes.storage_of(scheme, embeddings)
        parent = spec.parent(at)
        at = variants.index(parent) if parent else None
    return "float32", sizes.Storage()


def _other_minutes(
    spec: Spec, variants: Sequence[VariantPlan], load: Load, machine: Machine
) -> float | None:
    if load.test is None:
        return None
    seconds = 0.0
    for variant in variants:
        asked = load.test * variant.flops_per_request
        seconds += machine.answer_seconds(
            asked, sizes.storage_of(variant.precision).kernels
        )
        graphs = len(spec.serving.lengths) * len(variant.layers)
        seconds += machine.export_seconds * graphs
    servers = len(variants) + len(spec.serving.engines) - 1
    loads = 2 * spec.measurement.rounds * spec.measurement.seconds
    return (seconds + servers * loads) / 60


def _bounds(
    spec: Spec, variants: Sequence[VariantPlan], minutes: float | None, peak: float
) -> list[Bound]:
    """The spec's bounds that can be compared before the build."""
    known: dict[str, float] = {}  # nothing of what a search will find
    for variant in variants:
        if variant.name == spec.release:
            known["parameters"] = float(variant.parameters)
            known["bytes"] = float(variant.file_bytes)
            known["bytes_ratio"] = variant.file_bytes / variants[0].file_bytes
    found = [
        _bound(gate.measure, known[gate.measure], gate.at_least, gate.at_most)
        for gate in spec.gates
        if gate.measure in known
    ]
    memory = 1024.0 * MEMORY_GIB[spec.build.compute]
    found.append(
        _bound(f"MiB of build.compute {spec.build.compute}", peak, None, memory)
    )
    if minutes is not None and (limit := spec.build.timeout_minutes):
        found.append(_bound("build.timeout_minutes", minutes, None, limit))
    return found


def _bound(
    measure: str, planned: float, low: float | None, high: float | None
) -> Bound:
    side, bound = ("at most", high) if low is None else ("at least", low)
    text = f"{side} {figure(bound or 0, 6)}"
    kept = (low is None or planned >= low) and (high is None or planned <= high)
    return Bound(measure, text, planned, kept)
