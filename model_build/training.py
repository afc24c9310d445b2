"""The one training loop: AdamW, warm-up, linear decay, a loss that the pass gives."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras as keras
from safetensors.numpy import load_file, save_file

from model_build.encoder import to_keras
from model_build.losses import Loss, Outputs, softened
from model_build.passes.base import Schedule, Taught, Workbench
from model_build.tokens import Tokens, batches

FROZEN = ("embed/",)  # a few thousand messages teach 30,000 token vectors nothing


@dataclass(frozen=True)
class Hooks:
    """What a pass does besides; by default nothing."""

    on_start: Callable[[keras.optimizers.Optimizer], None] = lambda _: None
    before_step: Callable[[], None] = lambda: None
    after_epoch: Callable[[int], bool] = lambda _: False  # True ends the training


def train(
    encoder: keras.Model,
    tokens: Tokens,
    loss: Loss,
    schedule: Schedule,
    bench: Workbench,
    *,
    label: str,
    hooks: Hooks = Hooks(),
) -> None:
    """Train `encoder` in place; embeddings stay as they are.

    What was learnt is kept after each epoch: a training that was killed goes on from
    the last whole one. Raises ArithmeticError when the loss is no longer a number.
    """
    keras.utils.set_random_seed(bench.seed)
    steps = step_count(schedule, len(tokens))
    an_epoch = math.ceil(len(tokens) / schedule.batch_size)
    optimizer = keras.optimizers.AdamW(
        _LinearDecay(
            schedule.learning_rate, steps, round(schedule.warmup_share * steps)
        ),
        weight_decay=0.01,
        global_clipnorm=1.0,
    )
    variables = [
        v for v in encoder.trainable_variables if not v.name.startswith(FROZEN)
    ]
    optimizer.build(variables)
    kept = _Kept(bench.kept / f"{label}.safetensors", encoder, optimizer)
    first = kept.restore()
    if first:
        bench.progress.say(f"  {label}: goes on at step {first} of {steps}")
    hooks.on_start(optimizer)
    step = _compiled_step(encoder, loss, optimizer, variables)
    begun, average = time.monotonic(), 0.0
    stream = _stream(tokens, schedule, steps, bench.seed, start=first)
    for done, batch in enumerate(stream, start=first + 1):
        hooks.before_step()
        value = float(step(tensors(batch)))
        if not math.isfinite(value):
            raise ArithmeticError(
                f"{label}: the loss is {value} at step {done}; "
                f"learning_rate {schedule.learning_rate} may be too high"
            )
        average += (value - average) / min(done - first, 50)
        bench.progress.tick(label, done, steps, begun, loss=average)
        if done % an_epoch == 0 or done == steps:
            if hooks.after_epoch(done // an_epoch):
                return
            if done < steps:
                kept.save(done)


def recover(
    encoder: keras.Model,
    tokens: Tokens,
    settings: Taught,
    bench: Workbench,
    *,
    hooks: Hooks = Hooks(),
) -> None:
    """Train a model that lost parts of itself on what the baseline answers."""
    teacher = to_keras(bench.teacher())
    loss = response(teacher, temperature=settings.temperature, alpha=settings.alpha)
    train(encoder, tokens, loss, settings, bench, label=settings.name, hooks=hooks)


def response(teacher: keras.Model, *, temperature: float, alpha: float) -> Loss:
    """The loss of a student that learns from what its teacher answers."""

    def loss(outputs: Outputs, batch: Mapping[str, tf.Tensor]) -> tf.Tensor:
        shown = teacher(batch["ids"], training=False)
        return softened(outputs, shown, batch, temperature=temperature, alpha=alpha)

    return loss


def step_count(schedule: Schedule, rows: int) -> int:
    per_epoch = math.ceil(rows / schedule.batch_size)
    return max(1, round(schedule.epochs * per_epoch))


def tensors(tokens: Tokens) -> dict[str, tf.Tensor]:
    """A batch as losses read it: `ids`, `weights`, and the targets by name."""
    values = {"ids": tokens.ids, "weights": tokens.weights, **tokens.targets}
    return {name: tf.constant(value) for name, value in values.items()}


def logits_of(encoder: keras.Model, tokens: Tokens, size: int = 64) -> list[np.ndarray]:
    """The model's answer to each row: [classes], or [length of its batch, 2]."""
    answer = tf.function(lambda ids: encoder(ids)["logits"], reduce_retracing=True)
    found: list[np.ndarray] = [np.empty(0)] * len(tokens)
    for batch in batches(tokens, size):
        answered = answer(tf.constant(batch.tokens.ids)).numpy()
        for row, logits in zip(batch.rows, answered, strict=True):
            found[row] = logits
    return found


def _stream(
    tokens: Tokens, schedule: Schedule, steps: int, seed: int, *, start: int
) -> Iterator[Tokens]:
    an_epoch = math.ceil(len(tokens) / schedule.batch_size)

    def forever() -> Iterator[Tokens]:
        epoch = start // an_epoch
        while True:
            for batch in batches(tokens, schedule.batch_size, seed=seed + epoch):
                yield batch.tokens
            epoch += 1

    return islice(forever(), steps - start)


def _compiled_step(
    encoder: keras.Model,
    loss: Loss,
    optimizer: keras.optimizers.Optimizer,
    variables: list[tf.Variable],
) -> Callable[[Mapping[str, tf.Tensor]], tf.Tensor]:
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


@dataclass(frozen=True)
class _Kept:
    """A model and its optimizer between two epochs, on disk: whole, or not there."""

    path: Path
    encoder: keras.Model
    optimizer: keras.optimizers.Optimizer

    def save(self, step: int) -> None:
        arrays = {name: np.asarray(v.numpy()) for name, v in self._variables()}
        partial = self.path.with_suffix(".partial")
        save_file(arrays, partial, metadata={"step": str(step)})
        os.replace(partial, self.path)

    def restore(self) -> int:
        """Take up what was saved, if anything was; return the steps it has done."""
        if not self.path.is_file():
            return 0
        arrays = load_file(self.path)
        for name, variable in self._variables():
            variable.assign(arrays[name])
        return int(arrays["optimizer/0"])

    def _variables(self) -> Iterator[tuple[str, tf.Variable]]:
        for index, variable in enumerate(self.encoder.variables):
            yield f"model/{index}", variable
        for index, variable in enumerate(self.optimizer.variables):
            yield f"optimizer/{index}", variable
