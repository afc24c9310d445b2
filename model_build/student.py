"""Students cut out of their teachers: fewer layers, fewer channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from model_build.model import Model
    from model_build.tokens import Tokens

CALIBRATION = 512  # rows that say which channels matter


def kept_layers(teacher: int, student: int) -> tuple[int, ...]:
    """Which of the teacher's layers the student starts from: evenly, the last too."""
    return tuple(round((i + 1) * teacher / student) - 1 for i in range(student))


def student_of(model: Model, kept: Sequence[int]) -> Model:
    """The teacher without the layers that are not in `kept`."""
    weights: dict[str, np.ndarray] = {}
    for name, value in model.weights.items():
        if not name.startswith("layer"):
            weights[name] = value
            continue
        index, _, rest = name.removeprefix("layer").partition("_")
        if int(index) in kept:
            weights[f"layer{kept.index(int(index))}_{rest}"] = value
    layers = tuple(model.shape.layers[index] for index in kept)
    return model.with_weights(weights, replace(model.shape, layers=layers))


def strongest_channels(model: Model, tokens: Tokens, count: int) -> np.ndarray:
    """The channels of the hidden states whose absence would change the loss most.

    First-order Taylor importance, |activation x gradient| (Molchanov et al., 2017,
    https://arxiv.org/abs/1611.06440), summed over all layers and the tokens of the
    first rows; that a channel goes from the whole residual stream at once is Minitron's
    (Muralidharan et al., 2024, https://arxiv.org/abs/2407.14679). Rising, int [count].
    """
    import tensorflow as tf

    from model_build import encoder, training
    from model_build.losses import cross_entropy
    from model_build.tokens import batches, first

    full = encoder.to_keras(model)

    @tf.function(input_signature=[training.any_batch(tokens)], autograph=False)
    def scores(batch: dict[str, tf.Tensor]) -> tf.Tensor:
        with tf.GradientTape() as tape:
            outputs = full(batch["ids"])
            loss = tf.reduce_sum(cross_entropy(outputs, batch))
        slopes = tape.gradient(loss, outputs["hidden"])
        each = [
            tf.reduce_sum(tf.abs(tf.reduce_sum(state * slope, 1)), 0)
            for state, slope in zip(outputs["hidden"], slopes, strict=True)
        ]
        return tf.add_n(each)

    total = sum(
        scores(training.tensors(batch.tokens)).numpy()
        for batch in batches(first(tokens, CALIBRATION), 32)
    )
    return np.sort(np.argsort(-np.asarray(total), kind="stable")[:count])


def narrowed(model: Model, channels: np.ndarray) -> Model:
    """Cut all but these channels out of the hidden states: int [width], rising.

    Heads and neurons stay: the inner sides of the matrices are prune_structure's.
    """
    projected = model.shape.embedding_width is not None
    weights = {
        name: value
        if (axis := _channel_axis(name, projected)) is None
        else np.take(value, channels, axis)
        for name, value in model.weights.items()
    }
    return model.with_weights(weights, replace(model.shape, width=len(channels)))


def _channel_axis(name: str, projected: bool) -> int | None:
    """The axis of a weight that runs over the channels of the hidden states."""
    owner, _, kind = name.partition("/")
    part = owner.partition("_")[2] if owner.startswith("layer") else owner
    if part in ("embed", "embed_norm"):
        return None if projected else -1
    if part in ("query", "key", "value", "ffn_in", "classifier"):  # they read them
        return 0 if kind == "kernel" else None
    return -1  # they write them, or scale them
