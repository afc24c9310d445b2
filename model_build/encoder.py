"""The compressible model: a transformer encoder whose every layer has its own shape.

A Functional Keras model of plain Dense layers, so that structured pruning can
remove rows and columns for good and tensorflow-model-optimization can wrap it.
BERT's architecture (Devlin et al., 2018, https://arxiv.org/abs/1810.04805), of which
those in architectures.py are variations. A choice for a whole text is made from the
mean over its tokens (Reimers and Gurevych, 2019, https://arxiv.org/abs/1908.10084).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from model_build.model import EncoderShape, Head, LayerShape, Model, Weights

Answer = Callable[[tf.Tensor], dict[str, tf.Tensor]]

PAD = 0  # the id of padding: the mask is made from it, inside the graph


def gelu_tanh(x: tf.Tensor) -> tf.Tensor:
    """The approximation of Hendrycks and Gimpel, 2016 (https://arxiv.org/abs/1606.08415)."""
    return keras.activations.gelu(x, approximate=True)


ACTIVATIONS = {
    "gelu": keras.activations.gelu,
    "gelu_tanh": gelu_tanh,
    "relu": keras.activations.relu,
}


class Embed(keras.layers.Layer):
    """Token, position and segment embeddings, summed: [batch, length] -> [.., width].

    With a `separator` in its shape a row holds two texts: what stands after the first
    separator is of the second segment. The ids alone say so: a server sends no more.
    """

    def __init__(self, shape: EncoderShape, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shape = shape

    def build(self, _: Any) -> None:
        rows = {"tokens": self.shape.vocabulary, "positions": self.shape.positions}
        if self.shape.separator is not None:
            rows["segments"] = 2
        width = self.shape.embedding_width or self.shape.width
        for name, count in rows.items():
            setattr(self, name, self.add_table(name, count, width))

    def add_table(self, name: str, count: int, width: int) -> tf.Variable:
        start = keras.initializers.TruncatedNormal(stddev=0.02)
        return self.add_weight(name, (count, width), initializer=start)

    def look_up(self, ids: tf.Tensor) -> tf.Tensor:
        """Each token's own vector: float32 [batch, length, width]."""
        return tf.gather(self.tokens, ids)

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        summed = self.look_up(ids) + self.positions[: _length(ids)]
        if self.shape.separator is None:
            return summed
        separators = tf.cast(tf.equal(ids, self.shape.separator), tf.float32)
        before = tf.cumsum(separators, axis=1, exclusive=True)
        second = tf.expand_dims(tf.minimum(before, 1.0), -1)
        first, other = self.segments[0], self.segments[1]
        return summed + first + second * (other - first)


class Attend(keras.layers.Layer):
    """Scaled dot-product attention over `heads` heads; it has no weights."""

    def __init__(self, heads: int, head_width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads, self.head_width = heads, head_width

    def call(self, inputs: tuple[tf.Tensor, ...]) -> tf.Tensor:
        *projections, mask = inputs
        query, key, value = (self._split(x) for x in projections)
        scores = tf.matmul(query * self.head_width**-0.5, key, transpose_b=True)
        mixed = tf.matmul(tf.nn.softmax(scores + mask), value)
        joined = tf.transpose(mixed, [0, 2, 1, 3])
        width = self.heads * self.head_width
        return tf.reshape(joined, [tf.shape(mask)[0], _length(projections[0]), width])

    def _split(self, x: tf.Tensor) -> tf.Tensor:
        shape = [tf.shape(x)[0], _length(x), self.heads, self.head_width]
        return tf.transpose(tf.reshape(x, shape), [0, 2, 1, 3])


class PaddingMask(keras.layers.Layer):
    """[batch, 1, 1, length]: 0 at a token, -10,000 at padding."""

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        padding = tf.cast(tf.equal(ids, PAD), tf.float32) * -1e4
        # not padding[:, None, None]: strided slices of unknown sizes do not convert
        return tf.expand_dims(tf.expand_dims(padding, 1), 1)


class MeanPool(keras.layers.Layer):
    """The mean over the tokens that are not padding: [batch, width]."""

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        hidden, ids = inputs
        real = tf.expand_dims(tf.cast(tf.not_equal(ids, PAD), tf.float32), -1)
        return tf.reduce_sum(hidden * real, 1) / tf.reduce_sum(real, 1)


class Smooth(keras.layers.Layer):
    """Multiplies each channel by a factor of its own, which is not trained."""

    def build(self, shape: Any) -> None:
        width = (int(shape[-1]),)
        self.factors = self.add_weight("factors", width, trainable=False)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return x * self.factors


@dataclass(frozen=True)
class Parts:
    """What the encoder is built of: other layers where weights are not float32.

    `dense` and `embed` are called as `Dense(units, name=...)` and `Embed(shape,
    name=...)`. The inputs of the Dense layers in `smoothed` pass a Smooth layer first,
    called `<dense>_smooth`.
    """

    dense: Callable[..., keras.layers.Layer] = keras.layers.Dense
    embed: Callable[..., keras.layers.Layer] = Embed
    smoothed: frozenset[str] = frozenset()

    def project(self, x: tf.Tensor, units: int, name: str) -> tf.Tensor:
        if name in self.smoothed:
            x = Smooth(name=f"{name}{SMOOTH}")(x)
        return self.dense(units, name=name)(x)


SMOOTH = "_smooth"
PLAIN = Parts()


class Dropout(keras.layers.Layer):
    """Set a `share` of the input to 0 while training (Srivastava et al., 2014).

    `restart` makes it draw what it drew before: Keras's own cannot be told where to go
    on, so a training that was killed would end elsewhere than one that was not.
    """

    def __init__(self, share: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.share, self.noise = share, tf.random.Generator.from_seed(0)

    def restart(self, seed: int) -> None:
        self.noise.reset_from_seed(seed)

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training:
            return x
        return tf.nn.experimental.general_dropout(x, self.share, self.noise.uniform)


def _drop(x: tf.Tensor, share: float) -> tf.Tensor:
    return Dropout(share)(x) if share else x


def _length(x: tf.Tensor) -> Any:
    """Tokens: a constant where it is known, for graphs of one length are faster."""
    return x.shape[1] or tf.shape(x)[1]


def build_encoder(
    shape: EncoderShape, *, dropout: float = 0.0, parts: Parts = PLAIN
) -> keras.Model:
    """Build the Keras model with fresh weights.

    Input `ids` int32 [batch, length], padded with 0. Outputs: `logits` [batch,
    classes], or [batch, length, 2] where the head finds spans; `hidden`, a list of
    layers + 1 tensors [batch, length, width], the embedding's first. `dropout` is a
    share, active in training only.
    """
    ids = keras.Input([None], dtype=tf.int32, name="ids")
    mask = PaddingMask(name="mask")(ids)
    x = _norm(shape, "embed_norm")(parts.embed(shape, name="embed")(ids))
    if shape.embedding_width is not None:
        x = parts.project(x, shape.width, "embed_project")
    hidden = [x]
    for index, layer in enumerate(shape.layers):
        x = _layer(x, mask, shape, layer, f"layer{index}", dropout, parts)
        hidden.append(x)
    if shape.head == "classes":
        x = MeanPool(name="pool")((x, ids))
    logits = parts.project(_drop(x, dropout), shape.classes, "classifier")
    return keras.Model(ids, {"logits": logits, "hidden": hidden})


def _layer(
    x: tf.Tensor,
    mask: tf.Tensor,
    shape: EncoderShape,
    layer: LayerShape,
    name: str,
    dropout: float,
    parts: Parts,
) -> tf.Tensor:
    project = parts.project
    projections = [
        project(x, layer.heads * shape.head_width, f"{name}_{part}")
        for part in ("query", "key", "value")
    ]
    attend = Attend(layer.heads, shape.head_width, name=f"{name}_attend")
    mixed = project(attend((*projections, mask)), shape.width, f"{name}_output")
    x = _norm(shape, f"{name}_attention_norm")(x + _drop(mixed, dropout))
    inner = project(x, layer.ffn, f"{name}_ffn_in")
    inner = keras.layers.Activation(ACTIVATIONS[shape.activation], name=f"{name}_act")(
        inner
    )
    outer = project(inner, shape.width, f"{name}_ffn_out")
    return _norm(shape, f"{name}_ffn_norm")(x + _drop(outer, dropout))


def _norm(shape: EncoderShape, name: str) -> keras.layers.Layer:
    return keras.layers.LayerNormalization(epsilon=shape.epsilon, name=name)


def to_keras(
    model: Model, *, dropout: float = 0.0, parts: Parts = PLAIN
) -> keras.Model:
    """Build the Keras model with `model`'s weights.

    Raises ValueError where a weight is missing or of another shape.
    """
    ending = f"{SMOOTH}/factors"
    smoothed = {w.removesuffix(ending) for w in model.weights if w.endswith(ending)}
    parts = replace(parts, smoothed=frozenset(smoothed))
    encoder = build_encoder(model.shape, dropout=dropout, parts=parts)
    for variable in encoder.variables:
        name = _name(variable)
        value = model.weights.get(name)
        if value is None or value.shape != tuple(variable.shape):
            found = "missing" if value is None else f"of shape {value.shape}"
            raise ValueError(f"weight {name}: {found}, not {tuple(variable.shape)}")
        variable.assign(value)
    return encoder


def observed(encoder: keras.Model, layers: Sequence[int]) -> keras.Model:
    """The same model, which also shows what goes on in some of its layers.

    Outputs: `logits`, and by layer `hidden` [batch, length, width] and `query`, `key`,
    `value` [batch, length, heads * head_width].
    """
    outputs = {"logits": encoder.output["logits"]}
    outputs["hidden"] = [encoder.output["hidden"][index + 1] for index in layers]
    for part in ("query", "key", "value"):
        names = [f"layer{index}_{part}" for index in layers]
        outputs[part] = [encoder.get_layer(name).output for name in names]
    return keras.Model(encoder.input, outputs)


def answer_of(encoder: keras.Model, head: Head) -> Answer:
    """What an export answers: probabilities of the classes, or the logits of spans."""

    def answer(ids: tf.Tensor) -> dict[str, tf.Tensor]:
        logits = encoder(ids)["logits"]
        if head == "classes":
            return {"probabilities": tf.nn.softmax(logits)}
        return {"logits": logits}

    return answer


def weights_of(encoder: keras.Model) -> Weights:
    """Read the weights back, by the names that `Model` uses."""
    return {_name(v): np.asarray(v.numpy()) for v in encoder.variables}


def fresh_weights(shape: EncoderShape, seed: int) -> Weights:
    """Initial weights, the same for the same seed."""
    keras.utils.set_random_seed(seed)
    return weights_of(build_encoder(shape))


def _name(variable: tf.Variable) -> str:
    return str(variable.name).removesuffix(":0")
