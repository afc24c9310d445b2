"""Which combination of passes to train fully: a spec's [search], its points, its choice.

No TensorFlow here: exploration.py tries the points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from model_build.model import EncoderShape
from model_build.passes import (
    Distill,
    PassSettings,
    PruneStructure,
    PruneVocabulary,
    Quantize,
)
from model_build.passes.base import PlanError
from model_build.sizes import Storage, storage_of

FOUND = "found"  # as `release`: the finalist that is chosen
FINALIST = f"{FOUND}-"  # what the names of finalists begin with
PENALTY = 10.0  # of a share of quality that is missing, in shares of the parent's cost
DIMENSIONS = ("layers", "keep_heads", "keep_neurons", "vocabulary", "bits")
CALIBRATION = 512  # examples that importance is worked out on, at most

Goal = Literal["p99_ms", "p50_ms", "bytes", "parameters"]
Share = Annotated[float, Meta(gt=0, le=1)]
Layers = Annotated[int, Meta(ge=1)]
Pieces = Annotated[int, Meta(ge=100)]  # characters alone are more
Examples = Annotated[int, Meta(ge=1, le=10_000_000)]
Given = Meta(min_length=1)
Named = tuple[str, PassSettings]  # what a pass makes, and the pass


@dataclass(frozen=True)
class Candidate:
    """One point of the space; None leaves that as it is in the parent."""

    layers: int | None = None
    keep_heads: float | None = None
    keep_neurons: float | None = None
    vocabulary: int | None = None  # pieces
    bits: int = 32  # of a weight

    @property
    def settings(self) -> Mapping[str, Any]:
        return {name: each for name, each in asdict(self).items() if each is not None}


class Search(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What may be varied, and what is wanted: the least of `minimize` that keeps
    `quality_retained` of the baseline's quality.

    Points are sampled by TPE (Bergstra et al., 2011), those that do badly after a short
    recovery are given up by asynchronous successive halving (Li et al., 2020,
    https://arxiv.org/abs/1810.05934), and the `finalists` are trained fully, as
    ordinary variants. A trial is the finalist's own passes on fewer examples.
    """

    of: str | None = None  # the variant that is made smaller; by default the baseline
    minimize: Goal = "p99_ms"
    quality_retained: Annotated[float, Meta(gt=0, le=2)] = 0.99
    layers: Annotated[tuple[Layers, ...], Given] = ()
    keep_heads: Annotated[tuple[Share, ...], Given] = ()
    keep_neurons: Annotated[tuple[Share, ...], Given] = ()
    vocabulary: Annotated[tuple[Pieces, ...], Given] = ()  # pieces that may stay
    bits: Annotated[tuple[Literal[8, 32], ...], Given] = (8,)
    trials: Annotated[int, Meta(ge=1, le=1000)] = 24
    rungs: Annotated[int, Meta(ge=1, le=6)] = 3
    reduction: Annotated[int, Meta(ge=2, le=8)] = (
        3  # one of so many goes on, for longer
    )
    examples: Examples = 1_024  # that the first rung trains on
    validation: Examples = 2_000  # examples that a trial is judged on
    allowance: Annotated[float, Meta(ge=0, lt=1)] = 0.01  # that full training will add
    finalists: Annotated[int, Meta(ge=1, le=8)] = 2
    # How a finalist is trained; a trial likewise, on its share of the examples.
    epochs: Annotated[float, Meta(gt=0, le=100)] = 1.0
    batch_size: Annotated[int, Meta(ge=1, le=4096)] = 32
    learning_rate: Annotated[float, Meta(gt=0, lt=1)] = 2e-4

    def __post_init__(self) -> None:
        for name in DIMENSIONS:
            values = getattr(self, name)
            if len(set(values)) < len(values):
                raise ValueError(f"{name}: {list(values)}: one is there twice")
        if not any(getattr(self, name) for name in DIMENSIONS[:-1]):
            raise ValueError(f"give one of {', '.join(DIMENSIONS[:-1])} to vary")
        if self.finalists > self.trials:
            raise ValueError(
                f"finalists: {self.finalists} is above the {self.trials} trials"
            )

    @property
    def space(self) -> Mapping[str, Sequence[Any]]:
        """The values of each dimension, in order."""
        given = {name: getattr(self, name) for name in DIMENSIONS}
        return {name: sorted(values) for name, values in given.items() if values}

    def candidates(self) -> list[Candidate]:
        """Every point of the space."""
        names = list(self.space)
        return [
            Candidate(**dict(zip(names, values, strict=True)))
            for values in product(*self.space.values())
        ]

    def value(self, retained: float, cost: float) -> float:
        """What a trial minimises: its share of the parent's cost, and a penalty for
        each share of quality that even full training is not expected to bring back."""
        missing = self.quality_retained - self.allowance - retained
        return cost + PENALTY * max(0.0, missing)


@dataclass(frozen=True)
class Point:
    """A candidate that was tried."""

    candidate: Candidate
    rung: int  # the last that it reached, from 0
    quality: float  # of the spec's measure, on the validation sample
    retained: float  # of the baseline's
    cost: float  # predicted, of what is minimised
    value: float  # the less the better


@dataclass(frozen=True)
class Finalist:
    """A point after it was trained fully."""

    variant: str
    retained: float
    cost: float


def passes_of(candidate: Candidate, search: Search, shape: EncoderShape) -> list[Named]:
    """The passes that make a candidate of a model of `shape`, each with its name."""
    schedule: dict[str, Any] = {
        "epochs": search.epochs,
        "batch_size": search.batch_size,
        "learning_rate": search.learning_rate,
    }
    found: list[Named] = []
    if candidate.layers is not None and candidate.layers != len(shape.layers):
        found.append(("student", Distill(layers=candidate.layers, **schedule)))
    heads, neurons = candidate.keep_heads or 1.0, candidate.keep_neurons or 1.0
    if min(heads, neurons) < 1:
        step = PruneStructure(keep_heads=heads, keep_neurons=neurons, **schedule)
        found.append(("pruned", step))
    pieces = candidate.vocabulary
    if pieces is not None and pieces < shape.vocabulary:
        found.append(("cut", PruneVocabulary(max_pieces=pieces)))
    if candidate.bits == 8:
        found.append(("int8", Quantize()))
    return found


def planned_candidate(
    candidate: Candidate, search: Search, shape: EncoderShape
) -> tuple[EncoderShape, Storage]:
    """The shape a candidate will have, and how it is stored; raises PlanError."""
    for _, settings in passes_of(candidate, search, shape):
        shape = settings.planned(shape)
    return shape, storage_of("dynamic-int8" if candidate.bits == 8 else "float32")


def check(search: Search, shape: EncoderShape) -> list[Candidate]:
    """Return the candidates that are not the parent itself.

    Raises PlanError where one of them cannot be made, naming the setting.
    """
    for pieces in search.vocabulary:
        if pieces > shape.vocabulary:
            raise PlanError(
                f"search.vocabulary: {pieces} is above the {shape.vocabulary} pieces "
                "there are"
            )
    possible = []
    for candidate in search.candidates():
        try:
            planned_candidate(candidate, search, shape)
        except PlanError as error:
            _, _, why = str(error).partition(".")
            raise PlanError(f"search.{why}") from None
        if passes_of(candidate, search, shape):
            possible.append(candidate)
    if not possible:
        raise PlanError("search: every point is the parent itself: nothing is varied")
    return possible


def finalists(points: Sequence[Point], search: Search) -> list[Point]:
    """The best of the points that were trained longest, by their value."""
    ranked = sorted(points, key=lambda point: (-point.rung, point.value))
    return ranked[: search.finalists]


def choose(trained: Sequence[Finalist], search: Search) -> Finalist:
    """The cheapest that keeps the quality; where none does, the one that keeps most.

    The gates still decide whether it ships.
    """
    kept = [each for each in trained if each.retained >= search.quality_retained]
    if kept:
        return min(kept, key=lambda each: each.cost)
    return max(trained, key=lambda each: each.retained)


def named(
    point: Point, number: int, search: Search, shape: EncoderShape
) -> list[Named]:
    """A finalist's passes with the names of their variants; the last is `found-N`."""
    passes = passes_of(point.candidate, search, shape)
    name = f"{FINALIST}{number}"
    last = len(passes) - 1
    return [
        (name if place == last else f"{name}-{part}", settings)
        for place, (part, settings) in enumerate(passes)
    ]
