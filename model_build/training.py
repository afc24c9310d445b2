"""The one training loop: AdamW, warm-up, linear decay, a loss that the pass gives."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from model_build.encoder import to_keras
from model_build.passes.base import Schedule, Taught, Workbench
from model_build.progress import Progress
from model_build.tokens import Batch, Tokens, batches

Outputs = Mapping[str, tf.Tensor]
# (the model's outputs, a batch of tensors) -> the loss of each example, [batch]
Loss = Callable[[Outputs, Mapping[str, tf.Tensor]], tf.Tensor]

FROZEN = ("embed/",)  # a few thousand messages teach 30,000 token vectors nothing


def train(
    encoder: keras.Model,
    tokens: Tokens,
    loss: Loss,
    schedule: Schedule,
    *,
    seed: int,
    label: str,
    progress: Progress,
    on_start: Callable[[keras.optimizers.Optimizer], None] = lambda _: None,
    before_step: Callable[[], None] = lambda: None,
) -> None:
    """Train `encoder` in place; embeddings stay as they are.

    Raises ArithmeticError when the loss is no longer a number.
    """
    steps = step_count(schedule, len(tokens))
    optimizer = keras.optimizers.AdamW(
        _LinearDecay(
            schedule.learning_rate, steps, round(schedule.warmup_share * steps)
        ),
        weight_decay=0.01,
        global_clipnorm=1.0,
    )
    on_start(optimizer)
    step = _compiled_step(encoder, loss, optimizer)
    begun = time.monotonic()
    average = 0.0
    for done, batch in enumerate(_stream(tokens, schedule, steps, seed), start=1):
        before_step()
        value = float(step(_tensors(batch)))
        if not math.isfinite(value):
            raise ArithmeticError(
                f"{label}: the loss is {value} at step {done}; "
                f"learning_rate {schedule.learning_rate} may be too high"
            )
        average += (value - average) / min(done, 50)
        progress.tick(label, done, steps, begun, loss=average)


def recover(
    encoder: keras.Model, settings: Taught, bench: Workbench, **hooks: Any
) -> None:
    """Train a model that lost parts of itself on what the baseline answers.

    `hooks` are `train`'s.
    """
    teacher = to_keras(bench.teacher())
    train(
        encoder,
        bench.train,
        response(teacher, temperature=settings.temperature, alpha=settings.alpha),
        settings,
        seed=bench.seed,
        label=settings.name,
        progress=bench.progress,
        **hooks,
    )


def step_count(schedule: Schedule, examples: int) -> int:
    per_epoch = math.ceil(examples / schedule.batch_size)
    return max(1, round(schedule.epochs * per_epoch))


def _stream(
    tokens: Tokens, schedule: Schedule, steps: int, seed: int
) -> Iterator[Batch]:
    def forever() -> Iterator[Batch]:
        epoch = 0
        while True:
            yield from batches(tokens, schedule.batch_size, seed=seed + epoch)
            epoch += 1

    return islice(forever(), steps)


def _tensors(batch: Batch) -> dict[str, tf.Tensor]:
    values = {"ids": batch.ids, "labels": batch.labels, "weights": batch.weights}
    return {name: tf.constant(value) for name, value in values.items()}


def _compiled_step(
    encoder: keras.Model, loss: Loss, optimizer: keras.optimizers.Optimizer
) -> Callable[[Mapping[str, tf.Tensor]], tf.Tensor]:
    variables = [
        v for v in encoder.trainable_variables if not v.name.startswith(FROZEN)
    ]
    optimizer.build(variables)

    @tf.function(reduce_retracing=True)
    def step(batch: Mapping[str, tf.Tensor]) -> tf.Tensor:
        with tf.GradientTape() as tape:
            each = loss(encoder(batch["ids"], training=True), batch)
            value = tf.reduce_mean(each * batch["weights"])
        gradients = tape.gradient(value, variables)
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return value

    return step


class _LinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, peak: float, steps: int, warmup: int) -> None:
        self.peak, self.steps, self.warmup = peak, steps, warmup

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        done = tf.cast(step, tf.float32)
        rising = (done + 1) / max(1, self.warmup)
        falling = (self.steps - done) / max(1, self.steps - self.warmup)
        return self.peak * tf.minimum(1.0, tf.minimum(rising, falling))


def cross_entropy(outputs: Outputs, batch: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """Against the annotators' labels: [batch]."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=batch["labels"], logits=outputs["logits"]
    )


def softened(
    outputs: Outputs,
    teacher: Outputs,
    labels: tf.Tensor,
    *,
    temperature: float,
    alpha: float,
) -> tf.Tensor:
    """Hinton et al., 2015 (https://arxiv.org/abs/1503.02531), eq. 4: [batch].

    `alpha` of the teacher's softened answers, the rest of the labels.
    """
    soft = tf.nn.softmax_cross_entropy_with_logits(
        labels=tf.nn.softmax(teacher["logits"] / temperature),
        logits=outputs["logits"] / temperature,
    )
    hard = tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=labels, logits=outputs["logits"]
    )
    return alpha * temperature**2 * soft + (1 - alpha) * hard


def response(teacher: keras.Model, *, temperature: float, alpha: float) -> Loss:
    """The loss of a student that learns from what its teacher answers."""

    def loss(outputs: Outputs, batch: Mapping[str, tf.Tensor]) -> tf.Tensor:
        shown = teacher(batch["ids"], training=False)
        return softened(
            outputs, shown, batch["labels"], temperature=temperature, alpha=alpha
        )

    return loss


def logits_of(encoder: keras.Model, tokens: Tokens, size: int = 64) -> np.ndarray:
    """The model's answers in the order of the examples: float32 [n, classes]."""
    answer = tf.function(lambda ids: encoder(ids)["logits"], reduce_retracing=True)
    found = np.zeros((len(tokens), encoder.output_shape["logits"][-1]), np.float32)
    for batch in batches(tokens, size):
        found[batch.rows] = answer(tf.constant(batch.ids)).numpy()
    return found
