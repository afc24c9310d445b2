"""A model as a value: its shape, its weights, and how an export stores them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

Precision = Literal["float32", "dynamic-int8"]
Weights = Mapping[str, np.ndarray]


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
    classes: int
    epsilon: float = 1e-12  # of the layer normalisations


@dataclass(frozen=True)
class Model:
    """`weights` are float32 by name (`layer0_query/kernel`); kernels are [in, out]."""

    shape: EncoderShape
    weights: Weights = field(repr=False)
    precision: Precision = "float32"

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

    def save(self, path: Path) -> None:
        about = {"shape": json.dumps(asdict(self.shape)), "precision": self.precision}
        arrays = {k: np.ascontiguousarray(v) for k, v in self.weights.items()}
        save_file(arrays, path, metadata=about)


def load_model(path: Path) -> Model:
    """Read what Model.save wrote. Raises ValueError naming the file."""
    try:
        with safe_open(path, framework="numpy") as file:
            about = file.metadata()
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return Model(_shape(json.loads(about["shape"])), weights, about["precision"])
    except (OSError, SafetensorError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: not a model saved by Lathe: {error}") from error


def _shape(raw: dict[str, Any]) -> EncoderShape:
    layers = tuple(LayerShape(**layer) for layer in raw.pop("layers"))
    return EncoderShape(layers=layers, **raw)
