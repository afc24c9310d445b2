"""Low-rank adaptation: a frozen encoder, and small matrices beside its large ones.

Hu et al., 2021, https://arxiv.org/abs/2106.09685.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from model_build.encoder import to_keras, weights_of
from model_build.model import Model, Weights
from model_build.passes.finetune import Lora


class Adapted(keras.layers.Layer):
    """A Dense layer that is frozen, and a product of two thin matrices that learns.

    x W + b + alpha / rank * (x down) up: the same as W at first, for `up` is 0.
    """

    def __init__(self, units: int, lora: Lora, seed: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.rank, self.seed = units, lora.rank, seed
        self.scale = lora.alpha / lora.rank

    def build(self, shape: Any) -> None:
        inputs = int(shape[-1])
        normal = keras.initializers.RandomNormal(stddev=inputs**-0.5, seed=self.seed)
        frozen = {"trainable": False}
        self.kernel = self.add_weight("kernel", (inputs, self.units), **frozen)
        self.bias = self.add_weight("bias", (self.units,), **frozen)
        self.down = self.add_weight("down", (inputs, self.rank), initializer=normal)
        self.up = self.add_weight("up", (self.rank, self.units), initializer="zeros")

    def call(self, x: tf.Tensor) -> tf.Tensor:
        thin = tf.tensordot(tf.tensordot(x, self.down, 1), self.up, 1)
        return tf.tensordot(x, self.kernel, 1) + self.bias + self.scale * thin


def adapt(model: Model, lora: Lora, *, dropout: float, seed: int) -> keras.Model:
    """Build the Keras model of which only adapters and the classifier can be trained."""
    plain = to_keras(model, dropout=dropout)
    names = [layer.name for layer in plain.layers]

    def wrap(layer: keras.layers.Layer) -> keras.layers.Layer:
        _, _, part = layer.name.partition("_")  # layer0_query, embed_project
        if layer.name.startswith("layer") and part in lora.matrices:
            own_seed = seed + names.index(layer.name)
            return Adapted(layer.units, lora, own_seed, name=layer.name)
        layer.trainable = layer.name == "classifier"
        return layer

    adapted = keras.models.clone_model(plain, clone_function=wrap)
    given = {variable.name: variable for variable in plain.variables}
    for variable in adapted.variables:
        if variable.name in given:
            variable.assign(given[variable.name])
    return adapted


def merged(adapted: keras.Model) -> Weights:
    """The weights of a plain encoder that answers as the adapted one does."""
    weights = dict(weights_of(adapted))
    for layer in adapted.layers:
        if isinstance(layer, Adapted):
            down = weights.pop(f"{layer.name}/down")
            up = weights.pop(f"{layer.name}/up")
            weights[f"{layer.name}/kernel"] += layer.scale * (down @ up)
    return weights
