"""What the training loop costs beside a bare Keras fit, and what its batches save.

python -m bench.training CHECKPOINT ../shared/data/sst2.train.jsonl.gz

Each round trains the same checkpoint on the same texts in every way, from the start,
in turn, so that a busy machine slows all alike; building the model is not counted,
tracing its step is. Ratios are of the ways within a round.

    loop      model_build.training.train
    fit       keras.Model.fit with the same optimizer on the same batches
    padded    the loop, every text padded to the longest
    taught    the loop on a teacher's answers, two epochs
    asked     the same, but the teacher answers in every step
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from model_build import training
from model_build.checkpoint import CheckpointError, read_checkpoint
from model_build.encoder import to_keras
from model_build.examples import Example
from model_build.losses import cross_entropy, softened
from model_build.model import Model
from model_build.passes.base import Schedule, Taught, Workbench
from model_build.progress import Progress
from model_build.rows import DataError, read_rows
from model_build.statistics import Interval, ratio
from model_build.tasks.classification import Classification
from model_build.tokens import Tokens, batches

BATCH, SEED = 32, 7
ONCE = Schedule(epochs=1, batch_size=BATCH)
TWICE = Taught(epochs=2, batch_size=BATCH)


@dataclass(frozen=True)
class Ways:
    """One model and some texts, trained in several ways; each returns its seconds."""

    model: Model
    bench: Workbench

    @property
    def tokens(self) -> Tokens:
        return self.bench.tokens(self.model, self.bench.train)

    def loop(self) -> float:
        return self._train(self.tokens)

    def padded(self) -> float:
        tokens = self.tokens
        return self._train(replace(tokens, ids=np.maximum(tokens.ids, 1)))

    def _train(self, tokens: Tokens) -> float:
        encoder = to_keras(self.model)
        return _seconds(
            lambda bench: training.train(
                encoder, tokens, cross_entropy, ONCE, bench, label="loop"
            ),
            self.bench,
        )

    def fit(self) -> float:
        import tf_keras as keras

        encoder, tokens = to_keras(self.model), self.tokens
        encoder.get_layer("embed").trainable = False
        plain = keras.Model(encoder.input, encoder.output["logits"])
        optimizer = keras.optimizers.AdamW(
            ONCE.learning_rate, weight_decay=0.01, global_clipnorm=1.0
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        plain.compile(optimizer, loss)

        def stream() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            for batch in batches(tokens, BATCH, seed=SEED):
                yield batch.tokens.ids, batch.tokens.targets["label"]

        steps = training.step_count(ONCE, len(tokens))
        return _seconds(
            lambda _: plain.fit(stream(), steps_per_epoch=steps, verbose=0), self.bench
        )

    def taught(self) -> float:
        encoder = to_keras(self.model)
        return _seconds(
            lambda bench: training.recover(
                encoder, self.tokens, TWICE, bench, label="t"
            ),
            self.bench,
        )

    def asked(self) -> float:
        encoder, teacher = to_keras(self.model), to_keras(self.model)

        def loss(own: Mapping[str, Any], batch: Mapping[str, Any]) -> tf.Tensor:
            shown = teacher(batch["ids"], training=False)
            return softened(own, shown, batch, temperature=2.0, alpha=0.7)

        return _seconds(
            lambda bench: training.train(
                encoder, self.tokens, loss, TWICE, bench, label="asked"
            ),
            self.bench,
        )


RATIOS = {  # of seconds: how many times faster the second is
    "loop against fit": ("fit", "loop"),
    "batches by length against padding": ("padded", "loop"),
    "answers kept against asked": ("asked", "taught"),
}


def measure(ways: Ways, rounds: int) -> dict[str, np.ndarray]:
    """Return the seconds of each way in every round: float [rounds]."""
    names = ["loop", "fit", "padded", "taught", "asked"]
    taken: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        for name in names if number % 2 else reversed(names):
            taken[name].append(getattr(ways, name)())
        shown = "  ".join(f"{name} {taken[name][-1]:.1f} s" for name in names)
        print(f"round {number + 1} of {rounds}: {shown}", file=sys.stderr)
    return {name: np.array(each) for name, each in taken.items()}


def _seconds(work: Callable[[Workbench], object], bench: Workbench) -> float:
    with tempfile.TemporaryDirectory() as kept:
        begun = time.perf_counter()
        work(replace(bench, kept=Path(kept)))
        return time.perf_counter() - begun


def _bench(model: Model, data: Path, texts: int, length: int) -> Workbench:
    rows = islice(read_rows(data), texts)
    examples = [Example((row["sentence"],), int(row["label"])) for row in rows]
    return Workbench(
        task=Classification(("negative", "positive")),
        train=examples,
        validation=(),
        unlabelled=(),
        length=length,
        variants=lambda _: model,
        baseline="teacher",
        kept=Path(),
        seed=SEED,
        progress=Progress(stream=Path(os.devnull).open("w")),
    )


def _line(name: str, found: Interval) -> str:
    return f"{name:36}{found.value:5.2f}x  ({found.low:.2f} to {found.high:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.training",
        description="Compare the training loop with a bare Keras fit, and its batches "
        "with padding to the longest.",
    )
    parser.add_argument("checkpoint", type=Path, help="a checkpoint's directory")
    parser.add_argument("data", type=Path, help="rows with `sentence` and `label`")
    parser.add_argument("--texts", type=int, default=1280, help="a round")
    parser.add_argument("--length", type=int, default=64, help="tokens, at most")
    parser.add_argument("--rounds", type=int, default=6)
    options = parser.parse_args()
    if options.rounds < 2:
        parser.error(f"argument --rounds: {options.rounds} is not 2 or more")
    head = Classification(("negative", "positive")).head
    try:
        model = read_checkpoint(options.checkpoint, head, seed=SEED)
        bench = _bench(model, options.data, options.texts, options.length)
    except (CheckpointError, DataError, KeyError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    ways = Ways(model, bench)
    lengths = ways.tokens.lengths
    taken = measure(ways, options.rounds)
    print(
        f"{len(lengths)} texts of {lengths.mean():.1f} tokens (longest {lengths.max()}), "
        f"{BATCH} a batch, {options.rounds} rounds"
    )
    for name, seconds in taken.items():
        print(f"{name:10}{np.median(seconds):8.1f} s")
    for name, (slower, faster) in RATIOS.items():
        print(_line(name, ratio(taken[slower], taken[faster])))


if __name__ == "__main__":
    main()
