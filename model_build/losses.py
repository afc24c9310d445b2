"""What a model is told by labels and by teachers.

A model makes one choice of a row, its class; or two, where an answer starts and where
it ends. Both are logits over alternatives, so one loss serves both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import tensorflow as tf

Outputs = Mapping[str, tf.Tensor]
Batch = Mapping[str, tf.Tensor]
# (the model's outputs, a batch of tensors) -> the loss of each row, [batch]
Loss = Callable[[Outputs, Batch], tf.Tensor]

FAR = -1e4  # the logit of what cannot be chosen: padding


class Choice(NamedTuple):
    """Logits [batch, alternatives] and the right one, int32 [batch]; -1: unknown."""

    logits: tf.Tensor
    right: tf.Tensor


def choices(outputs: Outputs, batch: Batch) -> list[Choice]:
    """Return what the model chose among, and what is right."""
    logits = outputs["logits"]
    if "label" in batch:
        return [Choice(logits, batch["label"])]
    padding = tf.cast(tf.equal(batch["ids"], 0), tf.float32) * FAR
    return [
        Choice(logits[:, :, side] + padding, batch[name])
        for side, name in enumerate(("start", "end"))
    ]


def cross_entropy(outputs: Outputs, batch: Batch) -> tf.Tensor:
    """Against the labels, the mean over the choices: [batch]."""
    return _mean([_hard(choice) for choice in choices(outputs, batch)])


def softened(
    outputs: Outputs,
    teacher: Outputs,
    batch: Batch,
    *,
    temperature: float,
    alpha: float,
) -> tf.Tensor:
    """Hinton et al., 2015 (https://arxiv.org/abs/1503.02531), eq. 4: [batch].

    `alpha` of the teacher's softened answers, the rest of the labels; a row whose label
    nobody knows has its teacher's alone.
    """
    found = []
    pairs = zip(choices(outputs, batch), choices(teacher, batch), strict=True)
    for own, shown in pairs:
        soft = tf.nn.softmax_cross_entropy_with_logits(
            labels=tf.nn.softmax(shown.logits / temperature),
            logits=own.logits / temperature,
        )
        found.append(alpha * temperature**2 * soft + (1 - alpha) * _hard(own))
    return _mean(found)


def hidden_distance(own: tf.Tensor, shown: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
    """The mean squared difference over the real tokens: [batch].

    Hidden states [batch, length, width] of a layer of each model; Sun et al., 2019,
    "Patient knowledge distillation", https://arxiv.org/abs/1908.09355.
    """
    return _over_tokens(tf.reduce_mean((own - shown) ** 2, -1), ids)


def relation(
    left: tf.Tensor, right: tf.Tensor, ids: tf.Tensor, heads: int
) -> tf.Tensor:
    """How each token relates to each, as logarithms of shares: [batch, heads, length,
    length].

    Scaled dot products of [batch, length, heads * any width]. Of queries and keys they
    are the attention (Vaswani et al., 2017, https://arxiv.org/abs/1706.03762); of
    queries, keys or values with themselves, cut into `heads` that need not be those of
    the model, the relations of Wang et al., 2020 (https://arxiv.org/abs/2012.15828).
    """
    first, second = (_split(each, heads) for each in (left, right))
    scale = (int(left.shape[-1]) // heads) ** -0.5
    scores = tf.matmul(first * scale, second, transpose_b=True)
    padding = tf.cast(tf.equal(ids, 0), tf.float32)[:, None, None] * FAR
    return tf.nn.log_softmax(scores + padding)


def divergence(own: tf.Tensor, shown: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
    """Kullback-Leibler, of `own` relations from those `shown`: [batch].

    The mean over heads and real tokens.
    """
    each = tf.reduce_sum(tf.exp(shown) * (shown - own), -1)
    return _over_tokens(tf.reduce_mean(each, 1), ids)


def _split(x: tf.Tensor, heads: int) -> tf.Tensor:
    shape = [tf.shape(x)[0], tf.shape(x)[1], heads, int(x.shape[-1]) // heads]
    return tf.transpose(tf.reshape(x, shape), [0, 2, 1, 3])


def _over_tokens(each: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
    real = tf.cast(tf.not_equal(ids, 0), tf.float32)
    return tf.reduce_sum(each * real, -1) / tf.reduce_sum(real, -1)


def _hard(choice: Choice) -> tf.Tensor:
    known = tf.cast(choice.right >= 0, tf.float32)
    each = tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=tf.maximum(choice.right, 0), logits=choice.logits
    )
    return known * each


def _mean(each: list[tf.Tensor]) -> tf.Tensor:
    return tf.add_n(each) / float(len(each))
