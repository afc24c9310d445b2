"""What LiteRT's int8 multiplication makes of a Dense layer, imitated in TensorFlow.

Dynamic range, as XNNPACK runs it: weights symmetric with a scale for each output,
activations asymmetric with a scale for each row, found as the row passes. Rounding has
no slope; gradients pass as if it were not there (the straight-through estimator of
Bengio et al., 2013, https://arxiv.org/abs/1308.3432).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import tensorflow as tf
import tf_keras as keras

from model_build.encoder import Embed, Parts
from model_build.model import Scheme


def round_rows(x: tf.Tensor) -> tf.Tensor:
    """Return x [.., width] as its rows look in asymmetric int8.

    The zero point is a whole number, at the end of the range whose error it makes
    smaller: xnn_f32_qd8_asymmetric_quantization_params of XNNPACK.
    """
    low = tf.minimum(tf.reduce_min(x, -1, keepdims=True), 0.0)
    high = tf.maximum(tf.reduce_max(x, -1, keepdims=True), 0.0)
    steps = tf.where(high > low, 255.0 / tf.where(high > low, high - low, 1.0), 1.0)
    from_low = low * steps - 128.0 + high * steps + 127.0 > 0
    zero = tf.where(from_low, -128.0 - low * steps, 127.0 - high * steps)
    zero = tf.round(tf.clip_by_value(zero, -128.0, 127.0))
    whole = tf.clip_by_value(tf.round(x * steps) + zero, -128.0, 127.0)
    return _straight_through(x, (whole - zero) / steps)


def round_tensor(x: tf.Tensor, low: float, high: float) -> tf.Tensor:
    """Return x as it looks in int8 with one fixed scale from `low` to `high`."""
    step = (max(high, 0.0) - min(low, 0.0)) / 255.0
    return tf.clip_by_value(tf.round(x / step) * step, min(low, 0.0), max(high, 0.0))


def round_columns(kernel: tf.Tensor) -> tf.Tensor:
    """Return a kernel [in, out] as it looks in symmetric int8, a scale an output."""
    return _symmetric(kernel, axis=0)


def _symmetric(x: tf.Tensor, axis: int) -> tf.Tensor:
    scale = tf.reduce_max(tf.abs(x), axis, keepdims=True) / 127.0
    scale = tf.where(scale > 0, scale, 1.0)
    return _straight_through(x, tf.round(x / scale) * scale)


def _straight_through(x: tf.Tensor, rounded: tf.Tensor) -> tf.Tensor:
    return x + tf.stop_gradient(rounded - x)


Rounding = Callable[[tf.Tensor], tf.Tensor]


class _RoundedDense(keras.layers.Dense):
    def __init__(self, units: int, *, rows: Rounding, **kwargs: object) -> None:
        super().__init__(units, **kwargs)
        self.rows = rows

    def call(self, x: tf.Tensor) -> tf.Tensor:
        mixed = tf.tensordot(self.rows(x), round_columns(self.kernel), 1)
        return mixed + self.bias


class _RoundedEmbed(Embed):
    def look_up(self, ids: tf.Tensor) -> tf.Tensor:
        return _symmetric(tf.gather(self.tokens, ids), axis=-1)


# What the encoder is built of to answer as each scheme does.
PARTS: Mapping[Scheme, Parts] = {
    "dynamic-int8": Parts(partial(_RoundedDense, rows=round_rows), _RoundedEmbed),
    "weight-int8": Parts(partial(_RoundedDense, rows=tf.identity), _RoundedEmbed),
}
