"""The middle of a build that searches: points tried, finalists trained, one chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from model_build.exploration import Trainer, explore, exported_quality, predicted_cost
from model_build.machine import Machine, read_machine
from model_build.model import EncoderShape, Model
from model_build.passes.base import Workbench
from model_build.report import Tried
from model_build.search import (
    Candidate,
    Finalist,
    Point,
    Search,
    check,
    choose,
    finalists,
    named,
    planned_candidate,
)
from model_build.sizes import Storage, storage_of
from model_build.spec import PassSpec, Spec

POINTS, CHOICE = "points.json", "choice.json"


@dataclass(frozen=True)
class Choice:
    """The finalists as they were trained, and the one that is released."""

    trained: Sequence[Finalist]
    chosen: str


def parent_of(spec: Spec, search: Search) -> str:
    """The variant that the search makes smaller."""
    return search.of or spec.baseline


def search_points(spec: Spec, search: Search, bench: Workbench, out: Path) -> None:
    """Try points and write them to `out`; raises PlanError where none can be made."""
    machine = read_machine()
    model = bench.variants(parent_of(spec, search))
    lengths = spec.serving.lengths
    rows = bench.tokens(model, bench.validation[: search.validation]).lengths

    def cost(shape: EncoderShape, storage: Storage) -> float:
        return predicted_cost(search.minimize, shape, storage, lengths, rows, machine)

    def share(candidate: Candidate) -> float:
        planned = planned_candidate(candidate, search, model.shape)
        return cost(*planned) / cost(model.shape, stored(model))

    trainer = Trainer(search, model, bench, lengths, spec.measure)
    baseline = trainer.quality(bench.teacher())
    bench.progress.say(f"  {spec.baseline}: {spec.measure} {baseline:.4f}")
    points = explore(
        search,
        check(search, model.shape),
        trainer,
        share,
        baseline=baseline,
        seed=spec.seed,
        kept=bench.kept,
    )
    (out / POINTS).write_bytes(msgspec.json.encode(points))


def load_points(directory: Path) -> list[Point]:
    return msgspec.json.decode((directory / POINTS).read_bytes(), type=list[Point])


def with_finalists(
    spec: Spec, search: Search, points: Sequence[Point], shape: EncoderShape
) -> tuple[Spec, dict[str, Point]]:
    """The spec with its finalists' passes for its search, and the points by last variant.

    `shape` is of the variant that they start from.
    """
    passes, made = list(spec.passes), {}
    for number, point in enumerate(finalists(points, search), start=1):
        of = parent_of(spec, search)
        for variant, settings in named(point, number, search, shape):
            passes.append(PassSpec(variant=variant, of=of, settings=settings))
            of = variant
        made[of] = point
    first = next(iter(made))
    whole = msgspec.structs.replace(
        spec, passes=tuple(passes), release=first, search=None
    )
    return whole, made


def tried(points: Sequence[Point], made: Mapping[str, Point]) -> list[Tried]:
    """Every point for the report; `made` says which variants some of them became."""
    names = {point.candidate: variant for variant, point in made.items()}
    return [
        Tried(
            number=number,
            settings=point.candidate.settings,
            rung=point.rung,
            quality=point.quality,
            cost=point.cost,
            variant=names.get(point.candidate),
        )
        for number, point in enumerate(points, start=1)
    ]


def choose_finalist(
    spec: Spec,
    search: Search,
    variants: Sequence[str],
    bench: Workbench,
    out: Path,
    machine: Machine | None = None,
) -> None:
    """Judge the trained finalists on the validation split; the test split stays unseen."""
    machine = machine or read_machine()
    lengths = spec.serving.lengths

    def quality(variant: str) -> float:
        return exported_quality(bench.variants(variant), bench, lengths, spec.measure)

    baseline = quality(spec.baseline)
    rows = bench.tokens(bench.teacher(), bench.validation).lengths
    trained = []
    for variant in variants:
        model = bench.variants(variant)
        found = predicted_cost(
            search.minimize, model.shape, stored(model), lengths, rows, machine
        )
        trained.append(Finalist(variant, quality(variant) / baseline, found))
        bench.progress.say(f"  {variant}: retains {trained[-1].retained:.4f}")
    choice = Choice(trained, choose(trained, search).variant)
    (out / CHOICE).write_bytes(msgspec.json.encode(choice))


def stored(model: Model) -> Storage:
    return storage_of(model.precision.scheme, model.precision.embeddings)


def load_choice(directory: Path) -> Choice:
    return msgspec.json.decode((directory / CHOICE).read_bytes(), type=Choice)
