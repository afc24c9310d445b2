"""The one training loop: AdamW, warm-up, linear decay, a loss that the pass gives."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
import tf_keras as keras
from scipy.special import log_softmax, logsumexp, softmax

from model_build.encoder import Dropout, to_keras
from model_build.kept import BestEpoch, Kept, start_digest
from model_build.losses import FAR, Loss, Outputs, softened
from model_build.passes.base import Schedule, Taught, Workbench
from model_build.tokens import Tokens, batches, first

if TYPE_CHECKING:
    from model_build.examples import Example
    from model_build.model import Model


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
    """Train `encoder` in place; embeddings stay unless the schedule trains them.

    What was learnt is kept after each epoch: a training that was killed goes on from
    the last whole one, and ends with the same bytes. Raises ArithmeticError when the
    loss is no longer a number.
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
    variables = _learning(encoder, schedule)
    optimizer.build(variables)
    name = f"{label}-{start_digest(encoder, schedule)[:12]}.safetensors"
    kept = Kept(bench.kept / name, encoder, optimizer)
    restored = kept.restore()
    if restored:
        bench.progress.say(f"  {label}: goes on at step {restored} of {steps}")
    hooks.on_start(optimizer)
    step = _compiled_step(encoder, loss, optimizer, variables, tokens)
    begun, average = time.monotonic(), 0.0
    stream = _stream(tokens, schedule, steps, bench.seed, start=restored)
    for done, batch in enumerate(stream, start=restored + 1):
        if (done - 1) % an_epoch == 0:
            _restart_noise(encoder, bench.seed, epoch=(done - 1) // an_epoch)
        hooks.before_step()
        value = float(step(tensors(batch)))
        if not math.isfinite(value):
            raise ArithmeticError(
                f"{label}: the loss is {value} at step {done}; "
                f"learning_rate {schedule.learning_rate} may be too high"
            )
        average += (value - average) / min(done - restored, 50)
        bench.progress.tick(label, done, steps, begun, loss=average)
        if done % an_epoch == 0 or done == steps:
            if hooks.after_epoch(math.ceil(done / an_epoch)):
                return
            kept.save(done)


def train_to_best(
    encoder: keras.Model,
    model: Model,
    tokens: Tokens,
    loss: Loss,
    schedule: Schedule,
    bench: Workbench,
    *,
    patience: int | None,
) -> None:
    """As `train`; with `patience`, keep the epoch that answers validation best.

    `model` is what `encoder` was made of: it says how texts are read. Training ends
    after `patience` epochs in a row that were no better.
    """
    label, hooks, best = schedule.name, Hooks(), None
    if patience is not None:
        best = BestEpoch(
            bench.kept / f"{label}-best.safetensors",
            encoder,
            partial(validated, encoder, model, bench),
            patience,
            bench.progress,
        )
        hooks = Hooks(after_epoch=best.after_epoch)
    train(encoder, tokens, loss, schedule, bench, label=label, hooks=hooks)
    if best is not None:
        best.restore()


def validated(encoder: keras.Model, model: Model, bench: Workbench) -> float:
    """The task's figure on the validation split, 0 to 1: accuracy, or words' F1."""
    found = logits_of(encoder, bench.tokens(model, bench.validation))
    if model.shape.head == "classes":
        found = list(softmax(np.array(found), axis=1))
    judged = bench.task.judge(bench.validation, model.tokenizer, bench.length, found)
    return float(list(judged.figures.values())[-1].mean())


def recover(
    encoder: keras.Model,
    tokens: Tokens,
    settings: Taught,
    bench: Workbench,
    *,
    label: str | None = None,
    hooks: Hooks = Hooks(),
) -> None:
    """Train a model that lost parts of itself on what the baseline answers.

    `tokens` are those of all the training examples. A pass that recovers several times
    gives each a `label` of its own.
    """
    learnt = taught(tokens, [bench.teacher()], bench.train, settings, bench)
    loss = response(temperature=settings.temperature, alpha=settings.alpha)
    name = label or settings.name
    train(encoder, learnt, loss, settings, bench, label=name, hooks=hooks)


def response(*, temperature: float, alpha: float) -> Loss:
    """The loss of a student that learns from what `taught` tokens show."""

    def loss(outputs: Outputs, batch: Mapping[str, tf.Tensor]) -> tf.Tensor:
        shown = {"logits": batch["shown"]}
        return softened(outputs, shown, batch, temperature=temperature, alpha=alpha)

    return loss


def taught(
    tokens: Tokens,
    teachers: Sequence[Model],
    examples: Sequence[Example],
    schedule: Schedule,
    bench: Workbench,
) -> Tokens:
    """Add what teachers answer to the rows of `examples` that the schedule will use.

    Several are an ensemble: the mean of their probabilities. Each reads the examples
    through its own tokenizer; worked out once, not in every epoch, and kept. Raises
    ValueError where rows of one tokenizer are not those of the other.
    """
    rows = _used(tokens, schedule, bench.seed)
    path = bench.kept / f"taught-{_lesson_digest(tokens, rows, teachers)[:12]}.npy"
    if not path.is_file():
        bench.progress.say(f"  {len(teachers)} teaching: {len(rows)} rows")
        each = []
        for teacher in teachers:
            read = _read_by(teacher, tokens, examples, bench)
            each.append(_log_shares(to_keras(teacher), read.take(rows)))
        partial_path = path.with_suffix(".partial.npy")
        np.save(partial_path, logsumexp(np.stack(each), axis=0) - math.log(len(each)))
        partial_path.replace(path)
    answers = np.load(path)
    shown = np.zeros((len(tokens), *answers.shape[1:]), np.float32)
    shown[rows] = answers
    return replace(tokens, shown=shown)


def _lesson_digest(tokens: Tokens, rows: np.ndarray, teachers: Sequence[Model]) -> str:
    digest = sha256(tokens.ids.tobytes() + rows.tobytes())
    for teacher in teachers:
        for weight in teacher.weights.values():
            digest.update(np.ascontiguousarray(weight).data)
    return digest.hexdigest()


def _read_by(
    teacher: Model, tokens: Tokens, examples: Sequence[Example], bench: Workbench
) -> Tokens:
    theirs = bench.tokens(teacher, examples)
    spans = "label" not in tokens.targets
    if len(theirs) != len(tokens) or (
        spans and not np.array_equal(theirs.lengths, tokens.lengths)
    ):
        raise ValueError(
            f"the teacher reads {len(theirs)} rows where its student reads "
            f"{len(tokens)}, or other tokens: their answers cannot be compared"
        )
    return theirs


def _log_shares(encoder: keras.Model, tokens: Tokens) -> np.ndarray:
    """Logarithms of probabilities: [n, classes], or [n, longest, 2] over the tokens."""
    found = logits_of(encoder, tokens)
    if found[0].ndim == 1:
        return log_softmax(np.stack(found), axis=1)
    logits = np.full((*tokens.ids.shape, 2), FAR, np.float32)
    for own, answered in zip(logits, found, strict=True):
        own[: len(answered)] = answered
    logits[tokens.ids == 0] = FAR
    return log_softmax(logits, axis=1)


def _used(tokens: Tokens, schedule: Schedule, seed: int) -> np.ndarray:
    """The rows that a training reaches: all, if it has a whole epoch."""
    if schedule.epochs >= 1:
        return np.arange(len(tokens))
    drawn = batches(tokens, schedule.batch_size, seed=seed)
    steps = step_count(schedule, len(tokens))
    return np.concatenate([batch.rows for batch in islice(drawn, steps)])


def step_count(schedule: Schedule, rows: int) -> int:
    per_epoch = math.ceil(rows / schedule.batch_size)
    return max(1, round(schedule.epochs * per_epoch))


def tensors(tokens: Tokens) -> dict[str, tf.Tensor]:
    """A batch as losses read it: `ids`, `weights`, and the targets by name.

    And `shown`, where teachers have answered.
    """
    values = {"ids": tokens.ids, "weights": tokens.weights, **tokens.targets}
    if tokens.shown is not None:
        values["shown"] = tokens.shown
    return {name: tf.constant(value) for name, value in values.items()}


def logits_of(encoder: keras.Model, tokens: Tokens, size: int = 64) -> list[np.ndarray]:
    """The model's answer to each row: [classes], or [length of its batch, 2]."""
    rows = tf.TensorSpec([None, None], tokens.ids.dtype)
    answer = tf.function(lambda ids: encoder(ids)["logits"], [rows], autograph=False)
    found: list[np.ndarray] = [np.empty(0)] * len(tokens)
    for batch in batches(tokens, size):
        answered = answer(tf.constant(batch.tokens.ids)).numpy()
        for row, logits in zip(batch.rows, answered, strict=True):
            found[row] = logits
    return found


def _learning(encoder: keras.Model, schedule: Schedule) -> list[tf.Variable]:
    every = encoder.trainable_variables
    if schedule.train_embeddings:
        return list(every)
    return [v for v in every if not v.name.startswith("embed/")]


def _restart_noise(encoder: keras.Model, seed: int, epoch: int) -> None:
    """Draw dropout's masks from the epoch's own seed, whatever came before."""
    layers = [layer for layer in encoder.layers if isinstance(layer, Dropout)]
    for index, layer in enumerate(layers):
        drawn = np.random.SeedSequence([seed, epoch, index]).generate_state(1)
        layer.restart(int(drawn[0]))


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
    tokens: Tokens,
) -> Callable[[Mapping[str, tf.Tensor]], tf.Tensor]:
    # Of every batch, however many rows and however long: traced once.
    @tf.function(input_signature=[any_batch(tokens)], autograph=False)
    def step(batch: Mapping[str, tf.Tensor]) -> tf.Tensor:
        with tf.GradientTape() as tape:
            each = loss(encoder(batch["ids"], training=True), batch)
            value = tf.reduce_mean(each * batch["weights"])
        gradients = tape.gradient(value, variables)
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return value

    return step


def any_batch(tokens: Tokens) -> dict[str, tf.TensorSpec]:
    """What `tensors` makes of a batch: of any number of rows, of any length."""
    row = first(tokens, 1)
    long = row.ids.shape[1]
    return {
        name: tf.TensorSpec(
            [None, *(None if side == long else side for side in each.shape[1:])],
            each.dtype,
        )
        for name, each in tensors(row).items()
    }


class _LinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, peak: float, steps: int, warmup: int) -> None:
        self.peak, self.steps, self.warmup = peak, steps, warmup

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        done = tf.cast(step, tf.float32)
        rising = (done + 1) / max(1, self.warmup)
        falling = (self.steps - done) / max(1, self.steps - self.warmup)
        return self.peak * tf.minimum(1.0, tf.minimum(rising, falling))
