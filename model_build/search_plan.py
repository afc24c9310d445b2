"""What a search may find, and how long it looks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from msgspec import structs

from model_build import sizes
from model_build.load import Load, served_flops
from model_build.machine import Machine
from model_build.model import EncoderShape
from model_build.passes.base import Schedule
from model_build.search import Candidate, Search, check, passes_of, planned_candidate
from model_build.spec import Spec
from model_build.training_plan import Training


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


def search_plan(
    spec: Spec, shapes: Mapping[str, EncoderShape], load: Load, machine: Machine
) -> SearchPlan | None:
    """Return None for a spec without a search; `shapes` are those of its variants."""
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
    minutes = _minutes(search, middle, parent, baseline, load, machine)
    return SearchPlan(
        candidates=len(candidates),
        trials=min(search.trials, len(candidates)),
        finalists=min(search.finalists, len(candidates)),
        parameters=(min(parameters), max(parameters)),
        file_bytes=(min(bytes_), max(bytes_)),
        flops_per_request=(min(flops), max(flops)),
        minutes=minutes,
    )


def _minutes(
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
                settings = structs.replace(settings, epochs=epochs)
            minutes = Training(settings, given, own, baseline).minutes(part, machine)
            total += count * (minutes or 0.0)
            given = own
        exported = 2 * len(given.layers) * machine.export_seconds  # of two lengths
        total += count * exported / 60
    return total
