"""Train a model in the arithmetic it will be served in, to answer as it did in float."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from model_build.model import Precision
from model_build.passes.base import Taught, Workbench

if TYPE_CHECKING:
    from model_build.model import EncoderShape, Model


class QuantizeAware(Taught, frozen=True, kw_only=True, tag="quantize_aware"):
    """Quantization-aware training (Jacob et al., 2018, https://arxiv.org/abs/1712.05877).

    Every Dense layer and embedding is rounded as the engine will round it
    (arithmetic.py), and the weights learn to make up for it. The model that it starts
    from, in float, is its own teacher (Kim et al., 2019, QKD,
    https://arxiv.org/abs/1911.12491). A `quantize` pass after it may go further: to
    int4 embeddings, or to leave in float what training did not mend.
    """

    scheme: Literal["dynamic-int8", "weight-int8"] = "dynamic-int8"
    epochs: Annotated[float, Meta(gt=0, le=100)] = 0.5
    learning_rate: Annotated[float, Meta(gt=0, lt=1)] = 1e-5
    alpha: Annotated[float, Meta(ge=0, le=1)] = 1.0  # of the float model's answers

    def planned(self, shape: EncoderShape) -> EncoderShape:
        return shape

    def apply(self, model: Model, bench: Workbench) -> Model:
        from model_build import arithmetic, encoder, training

        engine = arithmetic.PARTS[self.scheme]
        rounded = encoder.to_keras(model, parts=engine)
        tokens = bench.tokens(model, bench.train)
        itself = replace(bench, variants=lambda _: model)
        training.recover(rounded, tokens, self, itself)
        precision = Precision(self.scheme, "int8")
        return replace(model, weights=encoder.weights_of(rounded), precision=precision)
