"""Teach a pretrained encoder the task: the model that all others are compared to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta

from model_build.passes.base import PlanError, Schedule, Workbench

if TYPE_CHECKING:
    from model_build.examples import Example
    from model_build.model import EncoderShape, Model

Matrix = Literal["query", "key", "value", "output", "ffn_in", "ffn_out"]


class Lora(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Train thin matrices beside the named ones of every layer; they are merged later.

    Hu et al., 2021 (https://arxiv.org/abs/2106.09685). The encoder itself is frozen,
    the classifier learns.
    """

    rank: Annotated[int, Meta(ge=1, le=1024)] = 8
    alpha: Annotated[float, Meta(gt=0, le=1024)] = (
        16.0  # what they add is times alpha / rank
    )
    matrices: Annotated[tuple[Matrix, ...], Meta(min_length=1)] = ("query", "value")


class Finetune(Schedule, frozen=True, kw_only=True, tag="finetune"):
    """Cross-entropy on the labels, each weighted by its annotators' agreement.

    With `patience` the epoch that answers the validation split best is kept, and
    training ends once so many epochs in a row were no better. `balanced` class weights
    are n / (classes * examples of the class), as King and Zeng, 2001
    (https://doi.org/10.1093/oxfordjournals.pan.a004868), weigh rare events.
    """

    dropout: Annotated[float, Meta(ge=0, lt=1)] = 0.1
    lora: Lora | None = None
    patience: Annotated[int, Meta(ge=1, le=100)] | None = None  # epochs
    # By label; one that is not named counts as 1.
    class_weights: (
        Literal["balanced"]
        | Annotated[
            dict[str, Annotated[float, Meta(gt=0, le=1000)]], Meta(min_length=1)
        ]
        | None
    ) = None

    def __post_init__(self) -> None:
        if self.lora is not None and self.train_embeddings:
            raise ValueError(
                "train_embeddings: true: with lora the encoder, and so its "
                "embeddings, is frozen"
            )

    def planned(self, shape: EncoderShape) -> EncoderShape:
        if self.class_weights and shape.head != "classes":
            raise PlanError("finetune.class_weights: where an answer is has no classes")
        if self.lora is not None:
            smallest = min(
                min(shape.width, layer.heads * shape.head_width, layer.ffn)
                for layer in shape.layers
            )
            if self.lora.rank >= smallest:
                raise PlanError(
                    f"finetune.lora.rank: {self.lora.rank} is not below {smallest}, "
                    "the smallest side of a matrix"
                )
        return shape

    def apply(self, model: Model, bench: Workbench) -> Model:
        from model_build import encoder, lora, training
        from model_build.losses import cross_entropy

        self.planned(model.shape)
        tokens = bench.tokens(model, bench.train)
        if self.class_weights:
            labels = bench.task.labels
            by_class = weights_by_class(self.class_weights, labels, bench.train)
            by_row = tokens.weights * by_class[tokens.targets["label"]]
            tokens = replace(tokens, weights=by_row)
        if self.lora is None:
            trained = encoder.to_keras(model, dropout=self.dropout)
        else:
            trained = lora.adapt(
                model, self.lora, dropout=self.dropout, seed=bench.seed
            )
        training.train_to_best(
            trained, model, tokens, cross_entropy, self, bench, patience=self.patience
        )
        return model.with_weights(lora.merged(trained))


def weights_by_class(
    asked: Literal["balanced"] | Mapping[str, float],
    labels: Sequence[str],
    examples: Sequence[Example],
) -> np.ndarray:
    """Return float32 [classes]; raises ValueError for a label that is none."""
    if asked == "balanced":
        counts = np.bincount([e.label for e in examples], minlength=len(labels))
        return (len(examples) / (len(labels) * counts)).astype(np.float32)
    if unknown := sorted(set(asked) - set(labels)):
        raise ValueError(
            f"finetune.class_weights: {unknown} are not among the labels {list(labels)}"
        )
    return np.array([asked.get(label, 1.0) for label in labels], np.float32)
