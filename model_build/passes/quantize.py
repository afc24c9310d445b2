"""Store weights in fewer bits and, where the engine can, multiply in integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from model_build.model import Embeddings, Precision, Scheme
from model_build.passes.base import PlanError, Settings, Workbench

if TYPE_CHECKING:
    from model_build.model import EncoderShape, Model

INTEGER: tuple[Scheme, ...] = ("weight-int8", "dynamic-int8", "static-int8", "mixed")
# Who runs what. TensorFlow Serving has no integer multiplication; LiteRT keeps no
# bfloat16; OpenVINO chooses its own mixture.
RUNS: Mapping[str, tuple[Scheme, ...]] = {
    "litert": ("float32", "float16", *INTEGER),
    "openvino": ("float32", "float16", "weight-int8", "dynamic-int8", "static-int8"),
    "tf_serving": ("float32", "float16", "bfloat16", "weight-int8"),
}


class Quantize(Settings, frozen=True, kw_only=True, tag="quantize"):
    """Quantization after training (Jacob et al., 2018, https://arxiv.org/abs/1712.05877).

    The export does it, for the arithmetic is the engine's; this pass says what it shall
    do. `dynamic-int8` finds the range of each row of activations as it passes,
    `static-int8` fixes ranges on training examples, `weight-int8`, `float16` and
    `bfloat16` store weights and multiply in float32. `mixed` is dynamic-int8 after this
    pass has looked, on `calibration` training examples, at what it does to each layer:
    outlying channels are smoothed (Xiao et al., 2022, https://arxiv.org/abs/2211.10438),
    and what is still changed by more than `max_error` multiplies in float.
    """

    scheme: Scheme = "dynamic-int8"
    embeddings: Embeddings | None = (
        None  # by default int8 where the scheme is of integers
    )
    calibration: Annotated[int, Meta(ge=1, le=100_000)] = 128  # examples, of mixed
    max_error: Annotated[float, Meta(gt=0, le=1)] = (
        0.05  # of a layer's output, of mixed
    )

    def __post_init__(self) -> None:
        if self.precision == Precision():
            raise ValueError(
                "scheme: 'float32' with embeddings in float is how a model is anyway"
            )
        for field, default in (("calibration", 128), ("max_error", 0.05)):
            if self.scheme != "mixed" and (asked := getattr(self, field)) != default:
                raise ValueError(
                    f"{field}: {asked}: only scheme 'mixed' looks at it, not "
                    f"{self.scheme!r}"
                )

    def planned(self, shape: EncoderShape) -> EncoderShape:
        width = shape.embedding_width or shape.width
        if self.precision.embeddings == "int4" and width % 2:
            raise PlanError(
                f"quantize.embeddings: 'int4' keeps two numbers in a byte; the "
                f"embeddings are {width} wide, which is odd"
            )
        return shape

    def apply(self, model: Model, bench: Workbench) -> Model:
        self.planned(model.shape)
        if self.scheme != "mixed":
            return replace(model, precision=self.precision)
        from model_build.sensitivity import mend

        tokens = bench.tokens(model, bench.train[: self.calibration])
        mended = mend(model, tokens, max_error=self.max_error, seed=bench.seed)
        for finding in mended.findings:
            if finding.decision == "float":
                bench.progress.say(f"  quantize: {finding.operation} stays in float")
        precision = replace(self.precision, findings=mended.findings)
        return replace(model, weights=mended.weights, precision=precision)

    @property
    def precision(self) -> Precision:
        default: Embeddings = "int8" if self.scheme in INTEGER else "float"
        return Precision(self.scheme, self.embeddings or default)
