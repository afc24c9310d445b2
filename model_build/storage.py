"""Weights narrower than float32, widened inside the graph: any engine can run that."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import numpy as np
import tensorflow as tf
import tf_keras as keras

from model_build.encoder import Embed, Parts, to_keras
from model_build.model import EncoderShape, Model

Kept = Literal["float32", "float16", "bfloat16", "int8", "int4"]

CLIPS = np.linspace(
    1.0, 0.6, 9
)  # shares of a row's range, of which int4 takes the best
TABLE, DENSE = "embed/tokens", "/kernel"


def stored_encoder(model: Model, *, kernels: Kept = "float32") -> keras.Model:
    """Build the encoder with its weights kept as `model.precision` asks for.

    Token embeddings: as the precision says, with a scale for each row. Dense kernels:
    as `kernels` says, int8 with a scale for each output. Everything else is float32.
    """
    asked = model.precision.embeddings
    floats: Kept = "float32" if kernels == "int8" else kernels
    table: Kept = floats if asked == "float" else asked
    weights = dict(model.weights)
    if table != "float32":
        weights |= _kept(TABLE, weights[TABLE], table, axis=1)
    if kernels != "float32":
        for name in [name for name in weights if name.endswith(DENSE)]:
            weights |= _kept(name, weights[name], kernels, axis=0)
    dense: Any = partial(_StoredDense, kept=kernels)
    parts = Parts(
        dense=keras.layers.Dense if kernels == "float32" else dense,
        embed=partial(_StoredEmbed, kept=table),
    )
    return to_keras(model.with_weights(weights), parts=parts)


def rounded_to_bfloat16(model: Model) -> Model:
    """What `model` answers like where those weights can only be kept as float32."""
    weights = {
        name: value.astype(tf.bfloat16.as_numpy_dtype).astype(np.float32)
        if name == TABLE or name.endswith(DENSE)
        else value
        for name, value in model.weights.items()
    }
    return model.with_weights(weights)


def int8_of(values: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Symmetric int8 with one scale for everything along `axis`, which stays as 1.

    As LiteRT quantizes weights: the largest magnitude is 127, -128 is not used.
    """
    scale = _scale(values, axis, 127)
    return np.rint(values / scale).astype(np.int8), scale


def int4_rows(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [rows, width / 2] and scales [rows, 1]: two numbers of -7 to 7 in a byte.

    Column i is the low half of byte i, column i + width / 2 the high half, both plus 8.
    A row's scale is that of CLIPS that changes the row least.
    """
    full = _scale(table, 1, 7)
    best, scale = np.full(len(table), np.inf), full
    for clip in CLIPS:
        tried = full * np.float32(clip)
        change = np.square(_int4(table, tried) * tried - table).sum(1)
        better = change < best
        best = np.where(better, change, best)
        scale = np.where(better[:, np.newaxis], tried, scale)
    halves = _int4(table, scale) + 8
    middle = table.shape[1] // 2
    return (halves[:, :middle] + 16 * halves[:, middle:]).astype(np.uint8), scale


def _int4(table: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(table / scale), -7, 7)


def _scale(values: np.ndarray, axis: int, largest: int) -> np.ndarray:
    scale = np.abs(values).max(axis, keepdims=True) / np.float32(largest)
    return np.where(scale == 0, np.float32(1), scale)


def _kept(name: str, value: np.ndarray, kept: Kept, axis: int) -> dict[str, Any]:
    """The arrays that stand for one weight, by the names of the layers below."""
    if kept in ("float16", "bfloat16"):
        return {name: value.astype(tf.as_dtype(kept).as_numpy_dtype)}
    whole, scale = int4_rows(value) if kept == "int4" else int8_of(value, axis)
    return {name: whole, f"{name.rpartition('/')[0]}/scale": scale}


class _StoredDense(keras.layers.Layer):
    """A Dense layer whose kernel is widened as it is used."""

    def __init__(self, units: int, *, kept: Kept, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.kept = units, kept

    def build(self, shape: Any) -> None:
        size = (int(shape[-1]), self.units)
        self.kernel = _add(self, "kernel", size, self.kept)
        if self.kept == "int8":
            self.scale = self.add_weight("scale", (1, self.units), trainable=False)
        self.bias = self.add_weight("bias", (self.units,), trainable=False)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        mixed = tf.tensordot(x, tf.cast(self.kernel, tf.float32), 1)
        # Scaled here: an output is smaller than the kernel.
        return (mixed * self.scale[0] if self.kept == "int8" else mixed) + self.bias


class _StoredEmbed(Embed):
    """Embeddings of which only the rows that a text uses are widened."""

    def __init__(self, shape: EncoderShape, *, kept: Kept, **kwargs: Any) -> None:
        super().__init__(shape, **kwargs)
        self.kept = kept

    def add_table(self, name: str, count: int, width: int) -> tf.Variable:
        if name != "tokens":
            return super().add_table(name, count, width)
        if self.kept in ("int8", "int4"):
            self.scale = self.add_weight("scale", (count, 1), trainable=False)
        return _add(
            self, name, (count, width // (1 + (self.kept == "int4"))), self.kept
        )

    def look_up(self, ids: tf.Tensor) -> tf.Tensor:
        rows = tf.cast(tf.gather(self.tokens, ids), tf.float32)
        if self.kept == "int4":
            high = tf.floor(rows / 16)
            rows = tf.concat([rows - 16 * high, high], -1) - 8
        if self.kept in ("int8", "int4"):
            rows *= tf.gather(self.scale, ids)
        return rows


def _add(
    layer: keras.layers.Layer, name: str, size: tuple[int, int], kept: Kept
) -> tf.Variable:
    dtype = tf.uint8 if kept == "int4" else tf.as_dtype(kept)
    return layer.add_weight(
        name, size, dtype=dtype, initializer="zeros", trainable=False
    )
