"""Store the weights in 8 bits and multiply in integers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from model_build.passes.base import Settings, Workbench

if TYPE_CHECKING:
    from model_build.model import EncoderShape, Model


class Quantize(Settings, frozen=True, tag="quantize"):
    """Dynamic-range quantization: int8 weights, activations' ranges found at run time.

    The export does it (LiteRT's converter; Jacob et al., 2018,
    https://arxiv.org/abs/1712.05877), for the arithmetic is the engine's; this pass
    says that it shall.
    """

    scheme: Literal["dynamic-int8"] = "dynamic-int8"

    def planned(self, shape: EncoderShape) -> EncoderShape:
        return shape

    def apply(self, model: Model, bench: Workbench) -> Model:
        return replace(model, precision=self.scheme)
