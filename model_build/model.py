"""A model as a value: its shape, its weights, its tokenizer, how an export stores it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

Activation = Literal["gelu", "gelu_tanh", "relu"]
Head = Literal["classes", "spans"]
Scheme = Literal[
    "float32",
    "float16",  # weights in 16 bits, widened where they are used
    "bfloat16",
    "weight-int8",  # weights in 8 bits, widened where they are used
    "dynamic-int8",  # multiplied in 8 bits; a row's scale is found as it passes
    "static-int8",  # multiplied in 8 bits; every scale is fixed by calibration
    "mixed",  # dynamic-int8 but for the layers that integers harm
]
Embeddings = Literal["float", "int8", "int4"]
Weights = Mapping[str, np.ndarray]

WEIGHTS_FILE, TOKENIZER_FILE = "model.safetensors", "tokenizer.json"


@dataclass(frozen=True)
class LayerShape:
    heads: int
    ffn: int  # neurons of the feed-forward block


@dataclass(frozen=True)
class EncoderShape:
    """Everything that decides which weights there are, and how large."""

    vocabulary: int
    positions: int
    width: int
    head_width: int
    layers: tuple[LayerShape, ...]
    classes: int  # that the head answers with; 2 for a span: where it starts and ends
    epsilon: float = 1e-12  # of the layer normalisations
    activation: Activation = "gelu"
    embedding_width: int | None = (
        None  # where narrower than `width`: projected (ELECTRA)
    )
    separator: int | None = (
        None  # the id after whose first place the second text begins
    )
    head: Head = "classes"  # a choice for the whole row, or two figures for each token


@dataclass(frozen=True)
class Finding:
    """What integers do to one operation, and what was done about it.

    An error is the root mean square of the output's change, as a share of the output's.
    """

    operation: str  # a layer of the encoder: `layer0_ffn_out`, `layer0_attend`
    cause: str
    error: float  # in integers, as it stands
    mended: float | None  # in integers, after what could be done; None: nothing could
    decision: Literal["int8", "smoothed", "float"]


@dataclass(frozen=True)
class Precision:
    """How an export stores the weights and multiplies with them."""

    scheme: Scheme = "float32"
    embeddings: Embeddings = "float"  # "float": as wide as the scheme's floats
    findings: tuple[Finding, ...] = ()  # worst first, of the pass that chose

    @property
    def float_layers(self) -> tuple[str, ...]:
        """The Dense layers that multiply in float although the scheme is of integers."""
        left = [f.operation for f in self.findings if f.decision == "float"]
        return tuple(name for name in left if not name.endswith("_attend"))

    def __str__(self) -> str:
        if self.embeddings == "float":
            return self.scheme
        return f"{self.scheme}, {self.embeddings} embeddings"


@dataclass(frozen=True)
class Model:
    """`weights` are float32 by name (`layer0_query/kernel`); kernels are [in, out].

    `layer0_ffn_out_smooth/factors` [in] may stand beside a kernel: its inputs are
    multiplied by them. `precision` is the export's: weights on its grid are float32
    here, too. `tokenizer` is the text of a tokenizer.json whose ids are the rows of `embed/tokens`;
    id 0 is padding.
    """

    shape: EncoderShape
    weights: Weights = field(repr=False)
    tokenizer: str = field(repr=False)
    precision: Precision = Precision()

    @property
    def parameters(self) -> int:
        return sum(int(w.size) for w in self.weights.values())

    @property
    def zeros(self) -> int:
        return sum(int((w == 0).sum()) for w in self.weights.values())

    def with_weights(
        self, weights: Weights, shape: EncoderShape | None = None
    ) -> Model:
        return replace(self, weights=weights, shape=shape or self.shape)

    def save(self, directory: Path) -> None:
        """Write model.safetensors and tokenizer.json; nothing is pickled."""
        about = {
            "shape": json.dumps(asdict(self.shape)),
            "precision": json.dumps(asdict(self.precision)),
        }
        arrays = {k: np.ascontiguousarray(v) for k, v in self.weights.items()}
        save_file(arrays, directory / WEIGHTS_FILE, metadata=about)
        (directory / TOKENIZER_FILE).write_text(self.tokenizer, encoding="utf-8")


def load_model(directory: Path) -> Model:
    """Read what Model.save wrote. Raises ValueError naming the file."""
    path = directory / WEIGHTS_FILE
    try:
        with safe_open(path, framework="numpy") as file:
            about = file.metadata()
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        tokenizer = (directory / TOKENIZER_FILE).read_text(encoding="utf-8")
        shape = _shape(json.loads(about["shape"]))
        precision = _precision(json.loads(about["precision"]))
        return Model(shape, weights, tokenizer, precision)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a model saved by Lathe: {error}") from error


def _shape(raw: dict[str, Any]) -> EncoderShape:
    layers = tuple(LayerShape(**layer) for layer in raw.pop("layers"))
    return EncoderShape(layers=layers, **raw)


def _precision(raw: dict[str, Any]) -> Precision:
    findings = tuple(Finding(**each) for each in raw.pop("findings"))
    return Precision(findings=findings, **raw)
