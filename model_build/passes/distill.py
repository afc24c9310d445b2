"""Train a shallower student to answer, and to think, like its teacher."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from msgspec import Meta

from model_build.passes.base import PlanError, Taught, Workbench

if TYPE_CHECKING:
    from model_build.model import EncoderShape, Model


class Distill(Taught, frozen=True, kw_only=True, tag="distill"):
    """A student of some of the teacher's layers, started from their weights.

    Its loss is the teacher's softened answers and the labels (Hinton et al., 2015,
    https://arxiv.org/abs/1503.02531) and the distance between the hidden states of
    a student's layer and the teacher's it came from (Sun et al., 2019, "Patient
    knowledge distillation", https://arxiv.org/abs/1908.09355).
    """

    layers: Annotated[int, Meta(ge=1)]
    hidden_weight: Annotated[float, Meta(ge=0)] = 1.0

    def planned(self, shape: EncoderShape) -> EncoderShape:
        if self.layers > len(shape.layers):
            raise PlanError(
                f"distill.layers: {self.layers} is more than the teacher's "
                f"{len(shape.layers)}"
            )
        kept = kept_layers(len(shape.layers), self.layers)
        return replace(shape, layers=tuple(shape.layers[index] for index in kept))

    def apply(self, model: Model, bench: Workbench) -> Model:
        from model_build import encoder, training

        self.planned(model.shape)
        kept = kept_layers(len(model.shape.layers), self.layers)
        student = encoder.to_keras(student_of(model, kept))
        tokens = bench.tokens(model, bench.train)
        loss = self._loss(encoder.to_keras(model), kept)
        training.train(student, tokens, loss, self, bench, label=self.name)
        start = student_of(model, kept)
        return start.with_weights(encoder.weights_of(student))

    def _loss(self, teacher: Any, kept: tuple[int, ...]) -> Any:
        import tensorflow as tf

        from model_build.losses import softened

        def loss(outputs: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:
            shown = teacher(batch["ids"], training=False)
            each = softened(
                outputs,
                shown,
                batch,
                temperature=self.temperature,
                alpha=self.alpha,
            )
            real = tf.cast(tf.not_equal(batch["ids"], 0), tf.float32)
            for own, index in zip(outputs["hidden"][1:], kept, strict=True):
                square = tf.reduce_mean((own - shown["hidden"][index + 1]) ** 2, -1)
                distance = tf.reduce_sum(square * real, -1) / tf.reduce_sum(real, -1)
                each += self.hidden_weight / len(kept) * distance
            return each

        return loss


def kept_layers(teacher: int, student: int) -> tuple[int, ...]:
    """Which of the teacher's layers the student starts from: evenly, the last too."""
    return tuple(round((i + 1) * teacher / student) - 1 for i in range(student))


def student_of(model: Model, kept: tuple[int, ...]) -> Model:
    """The teacher without the layers that are not in `kept`."""
    weights: dict[str, np.ndarray] = {}
    for name, value in model.weights.items():
        if not name.startswith("layer"):
            weights[name] = value
            continue
        index, _, rest = name.removeprefix("layer").partition("_")
        if int(index) in kept:
            weights[f"layer{kept.index(int(index))}_{rest}"] = value
    layers = tuple(model.shape.layers[index] for index in kept)
    return model.with_weights(weights, replace(model.shape, layers=layers))
