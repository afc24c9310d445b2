"""Teach a pretrained encoder the task: the model that all others are compared to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from model_build.passes.base import Schedule, Workbench

if TYPE_CHECKING:
    from model_build.model import Model


class Finetune(Schedule, frozen=True, kw_only=True, tag="finetune"):
    """Cross-entropy on the labels, each weighted by its annotators' agreement."""

    dropout: Annotated[float, Meta(ge=0, lt=1)] = 0.1

    def apply(self, model: Model, bench: Workbench) -> Model:
        from model_build import encoder, training

        trained = encoder.to_keras(model, dropout=self.dropout)
        training.train(
            trained,
            bench.train,
            training.cross_entropy,
            self,
            seed=bench.seed,
            label=self.name,
            progress=bench.progress,
        )
        return model.with_weights(encoder.weights_of(trained))
