"""What a spec will make, take and cost, before any of it is done.

From the spec, the checkpoint's config and the lengths of the texts: no weight is read
and TensorFlow is not imported.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from model_build import sizes, sources
from model_build.checkpoint import SHAPE_FILES, CheckpointError, read_shape
from model_build.examples import Dataset
from model_build.inputs import check_checkpoint, check_texts, examples_of
from model_build.machine import Machine
from model_build.model import EncoderShape
from model_build.passes import PassSettings
from model_build.passes.base import PlanError, Schedule, Taught
from model_build.progress import Progress
from model_build.search import Candidate, Search, check, passes_of, planned_candidate
from model_build.serving_plan import (
    CostPlan,
    Demand,
    Range,
    ServingPlan,
    cost_plan,
    serving_plan,
)
from model_build.sources import UnreachableError
from model_build.spec import Spec
from model_build.tasks import Task, task_of

SAMPLE = 2_000  # training examples whose lengths stand for all
BACKWARD = 2  # times the operations of the way forward
MEMORY_GIB = {"small": 4, "medium": 8, "large": 16, "xlarge": 72, "2xlarge": 144}

COLUMNS: tuple[str, ...] = (
    "variant",
    "by",
    "parameters",
    "file MB",
    "MFLOP/token",
    "GFLOP/request",
    "peak MiB",
    "minutes",
    "p50 ms",
    "served MiB",
    "$/million",
)
PRICE_REGION = "us-east-1"  # as the report's


@dataclass(frozen=True)
class Load:
    """What is trained on and asked for: the lengths of a sample's rows, in tokens."""

    lengths: np.ndarray  # int [rows]
    examples: int  # that these rows are of
    train: int | None  # examples; None where the data was not read
    test: int | None
    unlabelled: int
    source: str  # where the lengths are from

    @property
    def rows_of_example(self) -> float:
        return len(self.lengths) / self.examples


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
class SearchPlan:
    """What a search may find, and how long it looks; ranges are least and most."""

    candidates: int
    trials: int
    finalists: int
    parameters: tuple[int, int]
    file_bytes: tuple[int, int]
    flops_per_request: tuple[float, float]
    minutes: float | None  # of trials and finalists, if all were like the middle one


@dataclass(frozen=True)
class Bound:
    """A bound of the spec, beside what is planned."""

    measure: str
    bound: str
    planned: float
    kept: bool


@dataclass(frozen=True)
class Forecast:
    """One variant as it was planned, and as it became; None where nobody measured."""

    variant: str
    parameters: tuple[int, int]  # planned, found
    bytes: tuple[int, int]  # of the LiteRT file
    minutes: tuple[float | None, float | None]  # of its pass
    training_mib: tuple[float | None, float | None]
    p50_ms: tuple[float, float | None] | None = None  # of a request alone
    memory_mib: tuple[float, float | None] | None = None  # of its server
    dollars_per_million: tuple[float, float | None] | None = None


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


def read_load(spec: Spec, data_dir: Path | None, task: Task, checkpoint: Path) -> Load:
    """The lengths of the data's rows; the serving lengths where no hub answers."""
    try:
        dataset = examples_of(spec, data_dir)
    except UnreachableError as error:
        lengths = np.array(spec.serving.lengths)
        source = f"the serving lengths, each as often: {error}"
        return Load(lengths, len(lengths), None, None, 0, source)
    check_texts(spec, dataset, task, checkpoint)
    tokenizer = (checkpoint / "tokenizer.json").read_text(encoding="utf-8")
    return load_of(dataset, task, tokenizer, max(spec.serving.lengths))


def load_of(dataset: Dataset, task: Task, tokenizer: str, longest: int) -> Load:
    """The lengths of a sample of the training examples, cut at `longest`."""
    sample = dataset.train[:SAMPLE]
    lengths = task.encode(sample, tokenizer, longest).lengths
    counts = len(dataset.train), len(dataset.test), len(dataset.unlabelled)
    return Load(lengths, len(sample), *counts, f"{len(sample)} training examples")


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
    search = _search(spec, shapes, load, machine)
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


def served_flops(shape: EncoderShape, lengths: Sequence[int], load: Load) -> float:
    """Operations for a request: each row is padded to the next served length."""
    served = np.array(lengths)[np.searchsorted(lengths, load.lengths)]
    return _mean_flops(shape, served) * load.rows_of_example


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


@dataclass(frozen=True)
class Training:
    """What one pass has to do."""

    settings: PassSettings
    given: EncoderShape
    own: EncoderShape
    baseline: EncoderShape | None  # None for the pass that makes it

    @property
    def teacher(self) -> EncoderShape | None:
        """The model that is asked at every step."""
        if not isinstance(self.settings, Taught) or self.baseline is None:
            return None
        return self.given if self.settings.name == "distill" else self.baseline

    def minutes(self, load: Load, machine: Machine) -> float | None:
        """None where the size of the data is not known."""
        schedule = self.settings
        if not isinstance(schedule, Schedule):
            return 0.0
        if load.train is None:
            return None
        texts = {"labelled": load.train, "unlabelled": load.unlabelled}
        texts["both"] = load.train + load.unlabelled
        learnt = texts[getattr(schedule, "examples", "labelled")]
        rows = math.ceil(learnt * load.rows_of_example)
        steps = max(1, round(schedule.epochs * math.ceil(rows / schedule.batch_size)))
        padded = _batched(load.lengths, schedule.batch_size)
        each = (1 + BACKWARD) * _mean_flops(self.own, padded)
        if self.teacher:
            each += _mean_flops(self.teacher, padded)
        flops = each * min(schedule.batch_size, rows) * steps
        return machine.training_seconds(steps, flops) / 60

    def mib(self, longest: int, machine: Machine) -> float | None:
        """A batch of the longest rows; the model given and its copy; AdamW's moments."""
        if not isinstance(self.settings, Schedule):
            return None
        weights = sizes.parameters(self.given) + sizes.parameters(self.own)
        whole = getattr(self.settings, "train_embeddings", False)
        weights += 3 * (sizes.parameters if whole else sizes.trainable)(self.own)
        if self.teacher:
            weights += 2 * sizes.parameters(self.teacher)
        kept = self.settings.batch_size * sizes.activations(self.own, longest)
        return machine.training_mib(4 * weights, kept)


def _mean_flops(shape: EncoderShape, lengths: np.ndarray) -> float:
    each, count = np.unique(lengths, return_counts=True)
    flops = [sizes.row_flops(shape, int(length)) for length in each]
    return float(np.dot(flops, count) / len(lengths))


def _batched(lengths: np.ndarray, size: int) -> np.ndarray:
    """The length that each row is padded to in a batch of rows of its length."""
    ordered = np.sort(lengths)
    last = np.minimum(np.arange(len(ordered)) // size * size + size, len(ordered)) - 1
    return np.asarray(-(-ordered[last] // 8) * 8)


def _search(
    spec: Spec, shapes: Mapping[str, EncoderShape], load: Load, machine: Machine
) -> SearchPlan | None:
    search = spec.search
    if search is None:
        return None
    parent, baseline = shapes[search.of or spec.baseline], shapes[spec.baseline]
    candidates = check(search, parent)
    lengths = spec.serving.lengths
    made = [planned_candidate(each, search, parent) for each in candidates]
    bytes_ = [sizes.file_bytes(shape, storage, lengths) for shape, storage in made]
    flops = [served_flops(shape, lengths, load) for shape, _ in made]
    parameters = [sizes.parameters(shape) for shape, _ in made]
    middle = candidates[int(np.argsort(flops, kind="stable")[len(flops) // 2])]
    minutes = _search_minutes(search, middle, parent, baseline, load, machine)
    return SearchPlan(
        candidates=len(candidates),
        trials=min(search.trials, len(candidates)),
        finalists=min(search.finalists, len(candidates)),
        parameters=(min(parameters), max(parameters)),
        file_bytes=(min(bytes_), max(bytes_)),
        flops_per_request=(min(flops), max(flops)),
        minutes=minutes,
    )


def _search_minutes(
    search: Search,
    middle: Candidate,
    parent: EncoderShape,
    baseline: EncoderShape,
    load: Load,
    machine: Machine,
) -> float | None:
    """Every trial's first rung, those that go on, and the finalists in full."""
    if load.train is None:
        return None
    runs = [
        (
            search.trials / search.reduction**r,
            search.examples * search.reduction**r,
            1.0,
        )
        for r in range(search.rungs)
    ]
    total = 0.0
    for count, examples, epochs in [
        *runs,
        (search.finalists, load.train, search.epochs),
    ]:
        part, given = replace(load, train=min(examples, load.train)), parent
        for _, settings in passes_of(middle, search, parent):
            own = settings.planned(given)
            if isinstance(settings, Schedule):
                settings = msgspec.structs.replace(settings, epochs=epochs)
            minutes = Training(settings, given, own, baseline).minutes(part, machine)
            total += count * (minutes or 0.0)
            given = own
        exported = 2 * len(given.layers) * machine.export_seconds  # of two lengths
        total += count * exported / 60
    return total


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
    text = f"at least {low:g}" if low is not None else f"at most {high:g}"
    kept = (low is None or planned >= low) and (high is None or planned <= high)
    return Bound(measure, text, planned, kept)


def shown(plan: Plan) -> str:
    """Return the plan as lines for a terminal."""
    rows = [COLUMNS, *map(_row, plan.variants)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    total = "not known" if plan.minutes is None else f"{plan.minutes:.0f} min"
    lines += [
        f"{plan.tokens_per_request:.1f} tokens a request, from {plan.lengths_from}",
        f"the whole build: {total} on {plan.hardware}, peak {plan.peak_mib:.0f} MiB",
    ]
    if (search := plan.search) is not None:
        least, most = search.file_bytes
        lines.append(
            f"search: {search.trials} of {search.candidates} points, "
            f"{search.finalists} finalists; {least / 1e6:.1f} to {most / 1e6:.1f} MB"
        )
    if plan.cost is not None:
        lines += _cost_lines(plan.cost)
    for bound in plan.bounds:
        verdict = "ok  " if bound.kept else "MISS"
        lines.append(f"  {verdict} {bound.measure} {bound.planned:.4g} ({bound.bound})")
    return "\n".join(lines)


def _cost_lines(cost: CostPlan) -> list[str]:
    demand = cost.demand
    asked = f"{demand.requests_per_second:g} requests a second in {demand.p99_ms:g} ms"
    if cost.monthly is None:
        return [f"  MISS {asked}: nothing keeps that, however fast it turns out"]
    low, high = cost.monthly
    bound = "" if demand.budget is None else f" (at most {demand.budget:g})"
    verdict = "ok  " if cost.is_kept else "MISS"
    return [
        f"  {verdict} USD a month for {asked}: {low:.2f} to {high:.2f}{bound}",
        f"       if fast: {cost.machines[0]}; if slow: {cost.machines[1]}",
    ]


def _between(found: Range, digits: int) -> str:
    return f"{found.low:.{digits}f}-{found.high:.{digits}f}"


def _row(variant: VariantPlan) -> tuple[str, ...]:
    serving = variant.serving
    return (
        variant.name,
        variant.made_by,
        f"{variant.parameters:,}",
        f"{variant.file_bytes / 1e6:.1f}",
        f"{variant.flops_per_token / 1e6:.1f}",
        f"{variant.flops_per_request / 1e9:.3f}",
        "" if variant.training_mib is None else f"{variant.training_mib:.0f}",
        "?" if variant.minutes is None else f"{variant.minutes:.1f}",
        _between(serving.p50_ms, 1),
        _between(serving.memory_mib, 0),
        _between(serving.dollars_per_million, 3),
    )
