"""Remove layers, heads and feed-forward neurons: smaller matrices, really faster."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np
from msgspec import Meta

from model_build.importance import (
    HEADS,
    NEURON_STEP,
    NEURONS,
    Importance,
    Units,
    importance,
    parameters,
    remove,
    smallest,
    strongest,
)
from model_build.model import EncoderShape, LayerShape, Model, load_model
from model_build.passes.base import PlanError, Taught, Workbench
from model_build.passes.distill import kept_layers, student_of

if TYPE_CHECKING:
    from model_build.tokens import Tokens

Share = Annotated[float, Meta(gt=0, le=1)]
Target = Annotated[float, Meta(gt=0, lt=1)]
TRIALS = 8  # exports that are measured to meet a latency
NEAR = 0.02  # of the parent's latency: as close as these measurements can tell


class PruneStructure(Taught, frozen=True, kw_only=True, tag="prune_structure"):
    """Keep the layers, heads and neurons whose absence would change the loss most.

    Importance is first-order Taylor on `calibration` rows of the training examples
    (Molchanov et al., 2017, https://arxiv.org/abs/1611.06440): of a head as Michel et
    al., 2019 (https://arxiv.org/abs/1905.10650) have it, of a neuron the same, of a
    layer that its input stands for its output (whole layers: Sajjad et al., 2020,
    https://arxiv.org/abs/2004.03844). Parts are ranked over all layers at once, so that
    each layer keeps what it needs, at least one head and 16 neurons.

    What stays is given by shares, or by a target for the layers' parameters or for
    latency, a share of what they are before: then heads and neurons compete, importance
    for cost (Kwon et al., 2022, https://arxiv.org/abs/2204.09656). A latency is measured
    on exports, so it decides a little differently on another machine, or another day.
    Each of the `rounds` removes the same share of what is left, and recovers on the
    teacher's answers for its part of `epochs`, before importance is asked again.
    """

    keep_layers: Share = 1.0
    keep_heads: Share = 1.0  # of those in the layers that stay
    keep_neurons: Share = 1.0
    target_parameters: Target | None = None  # embeddings and classifier do not count
    target_latency: Target | None = None  # p50 of the longest row through LiteRT
    rounds: Annotated[int, Meta(ge=1, le=20)] = 1
    calibration: Annotated[int, Meta(ge=1, le=100_000)] = 512  # rows

    def __post_init__(self) -> None:
        if self.target_parameters is not None and self.target_latency is not None:
            raise ValueError(
                f"target_latency: {self.target_latency}: there is a target_parameters"
            )
        for field in ("keep_heads", "keep_neurons"):
            if self.target is not None and (share := getattr(self, field)) < 1:
                raise ValueError(f"{field}: {share}: a target decides what stays")
        shares = (self.keep_layers, self.keep_heads, self.keep_neurons)
        if self.target is None and min(shares) == 1:
            raise ValueError(
                "prune_structure: everything stays: give a share below 1 (keep_layers, "
                "keep_heads, keep_neurons), target_parameters or target_latency"
            )

    @property
    def target(self) -> float | None:
        if self.target_latency is None:
            return self.target_parameters
        return self.target_latency

    def planned(self, shape: EncoderShape) -> EncoderShape:
        """As if every layer lost the same share; which lose more, importance says.

        A latency is planned as if it were proportional to the layers' parameters.
        """
        stay = kept_layers(len(shape.layers), self.layers_after(shape, 1.0))
        left = replace(shape, layers=tuple(shape.layers[index] for index in stay))
        if self.target is not None:
            return self._planned_for_target(shape, left, self.target)
        for field, cost in (("keep_heads", HEADS), ("keep_neurons", NEURONS)):
            share, least = getattr(self, field), cost.of(smallest(left)) / cost.of(left)
            if share < least:
                raise PlanError(
                    f"prune_structure.{field}: {share} is below {least:.3f}, one head "
                    f"and {NEURON_STEP} neurons in each of {len(left.layers)} layers"
                )
        return _evenly(left, self.keep_heads, self.keep_neurons)

    def _planned_for_target(
        self, parent: EncoderShape, left: EncoderShape, target: float
    ) -> EncoderShape:
        cost = parameters(parent)
        least = cost.of(smallest(left)) / cost.of(parent)
        if target < least:
            field = "latency" if self.target_parameters is None else "parameters"
            raise PlanError(
                f"prune_structure.target_{field}: {target} is below {least:.3f}, one "
                f"head and {NEURON_STEP} neurons in each of {len(left.layers)} layers"
            )
        bound = target * cost.of(parent)
        candidates = (_evenly(left, share, share) for share in np.linspace(1, 0, 101))
        met = (each for each in candidates if cost.of(each) <= bound)
        return next(met, smallest(left))

    def layers_after(self, parent: EncoderShape, done: float) -> int:
        """How many layers there are when a share `done` of the rounds is."""
        return max(1, round(len(parent.layers) * self.keep_layers**done))

    def apply(self, model: Model, bench: Workbench) -> Model:
        self.planned(model.shape)
        tokens = bench.tokens(model, bench.train)
        pruning = _Pruning(self, model, tokens, bench)
        if self.target_latency is not None:
            pruning.check_latency()
        for number in range(1, self.rounds + 1):
            model = pruning.round(model, number)
        return model


@dataclass(frozen=True)
class _Pruning:
    """One application of the pass: what it was given, and what a round needs of it."""

    settings: PruneStructure
    parent: Model
    tokens: Tokens
    bench: Workbench

    def round(self, model: Model, number: int) -> Model:
        """Cut and recover; what a killed build had finished of it is not made again."""
        folder = self.bench.kept / f"round{number}"
        cut = _kept(folder / "cut", partial(self._cut, model, number))
        return _kept(folder / "recovered", partial(self._recovered, cut, number))

    def _recovered(self, cut: Model, number: int) -> Model:
        from model_build import encoder, training

        rounds = self.settings.rounds
        settings = msgspec.structs.replace(
            self.settings, epochs=self.settings.epochs / rounds
        )
        bench = replace(
            self.bench,
            kept=self.bench.kept / f"round{number}",
            seed=self.bench.seed + number - 1,  # each round reads other examples first
        )
        recovering = encoder.to_keras(cut)
        training.recover(recovering, self.tokens, settings, bench)
        return cut.with_weights(encoder.weights_of(recovering))

    def _cut(self, model: Model, number: int) -> Model:
        found = importance(model, self.tokens, self.settings.calibration)
        done = number / self.settings.rounds
        count = self.settings.layers_after(self.parent.shape, done)
        stay = sorted(np.argsort(-found.layers, kind="stable")[:count].tolist())
        model, found = student_of(model, tuple(stay)), found.of(stay)
        cut = remove(model, self._units(model, found, number))
        self._say(f"layers {stay} stay, {_described(cut.shape)}")
        return cut

    def _units(self, model: Model, found: Importance, number: int) -> Units:
        settings, shape = self.settings, model.shape
        if settings.target_latency is not None and number == settings.rounds:
            return self._for_latency(model, found)
        if settings.target is not None:
            cost, done = parameters(shape), number / settings.rounds
            budget = settings.target**done * cost.of(self.parent.shape)
            return strongest(found, cost, budget)
        part = 1 / settings.rounds
        heads = round(settings.keep_heads**part * HEADS.of(shape))
        neurons = settings.keep_neurons**part * NEURONS.of(shape)
        neurons = round(neurons / NEURON_STEP) * NEURON_STEP
        return Units(
            strongest(found, HEADS, heads).heads,
            strongest(found, NEURONS, neurons).neurons,
        )

    def _for_latency(self, model: Model, found: Importance) -> Units:
        """Find the most parameters that meet the target, by halving what is unknown."""
        from model_build.latency import compared_to

        target, cost = self.settings.target_latency, parameters(model.shape)
        share_of = compared_to(self.parent, self.bench.length)
        low, high = cost.of(smallest(model.shape)), cost.of(model.shape)
        best, budget = strongest(found, cost, low), high
        for _ in range(TRIALS):
            units = strongest(found, cost, budget)
            share = share_of(remove(model, units))
            self._say(f"{budget:,.0f} parameters in layers take {share:.2f}")
            if share > target:
                high = budget
            else:
                best, low = units, budget
                if share > target - NEAR:
                    break
            budget = (low + high) / 2
        return best

    def check_latency(self) -> None:
        """Raise PlanError if not even the smallest layers are fast enough."""
        from model_build.latency import compared_to

        if (self.bench.kept / "round1" / "cut").is_dir():
            return
        shape, target = self.parent.shape, self.settings.target_latency
        stay = kept_layers(len(shape.layers), self.settings.layers_after(shape, 1.0))
        left = student_of(self.parent, stay)
        layers = smallest(left.shape).layers
        units = Units(
            [np.arange(layer.heads) for layer in layers],
            [np.arange(layer.ffn) for layer in layers],
        )
        least = compared_to(self.parent, self.bench.length)(remove(left, units))
        if least > target:
            raise PlanError(
                f"prune_structure.target_latency: {target} is below {least:.2f}, what "
                f"one head and {NEURON_STEP} neurons in each of {len(stay)} layers take"
            )

    def _say(self, text: str) -> None:
        self.bench.progress.say(f"  {self.settings.name}: {text}")


def _kept(directory: Path, make: Callable[[], Model]) -> Model:
    """Return what is kept there; make and keep it first, if nothing is."""
    if not directory.is_dir():
        partly = directory.with_name(f".{directory.name}")
        shutil.rmtree(partly, ignore_errors=True)
        made = make()
        partly.mkdir(parents=True)
        made.save(partly)
        os.replace(partly, directory)
    return load_model(directory)


def _evenly(shape: EncoderShape, heads: float, neurons: float) -> EncoderShape:
    """Return the shape whose every layer has these shares of what it had."""

    def rounded(layer: LayerShape) -> LayerShape:
        steps = max(1, round(neurons * layer.ffn / NEURON_STEP))
        return LayerShape(
            max(1, round(heads * layer.heads)), min(layer.ffn, steps * NEURON_STEP)
        )

    return replace(shape, layers=tuple(rounded(layer) for layer in shape.layers))


def _described(shape: EncoderShape) -> str:
    def each(name: str) -> list[int]:
        return [getattr(layer, name) for layer in shape.layers]

    return f"heads {each('heads')}, neurons {each('ffn')}"
