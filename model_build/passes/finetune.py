"""Teach a pretrained encoder the task: the model that all others are compared to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from model_build.passes.base import Schedule, Workbench

if TYPE_CHECKING:
    from model_build.model import EncoderShape, Model


class Finetune(Schedule, frozen=True, kw_only=True, tag="finetune"):
    """Cross-entropy on the labels, each weighted by its annotators' agreement."""

    dropout: Annotated[float, Meta(ge=0, lt=1)] = 0.1

    def planned(self, shape: EncoderShape) -> EncoderShape:
        return shape

    def apply(self, model: Model, bench: Workbench) -> Model:
        from model_build import encoder, training
        from model_build.losses import cross_entropy

        trained = encoder.to_keras(model, dropout=self.dropout)
        tokens = bench.tokens(model, bench.train)
        training.train(trained, tokens, cross_entropy, self, bench, label=self.name)
        return model.with_weights(encoder.weights_of(trained))
