"""A process that batches as TensorFlow Serving does, and is loaded from within.

python -m bench.batch_runner ARTIFACT --intra 1  reads one trial a line, as JSON, from
standard input and writes what it saw, one line a trial: bench.batching starts it.

TensorFlow's BatchFunction op holds the SharedBatchScheduler that TF Serving's batching
session holds, with the same parameters. Around it this process has a Python thread for
each text under way where the server has gRPC or REST threads.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.open_loop import Ask, RefusedError, offer
from manifest import SAVED_MODEL

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
WARMUP = 8  # texts: the first call of a graph compiles it
ROOMY = 10_000  # batches that may wait: in a search, nothing is refused


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.batch_runner")
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--intra", type=int, required=True, help="threads of one op")
    options = parser.parse_args()
    texts = json.loads(sys.stdin.readline())
    model = SavedModel(options.artifact / SAVED_MODEL, options.intra)
    right = [model.alone(text) for text in texts]
    print(json.dumps("ready"), flush=True)
    asks: dict[str, Ask] = {}
    for line in sys.stdin:
        trial = json.loads(line)
        name = json.dumps(trial["batching"])
        if name not in asks:
            asks[name] = model.batched(name, **trial["batching"])
            for text in texts[:WARMUP]:
                asks[name](text)
        found = offer(asks[name], texts, right, **trial["load"])
        print(json.dumps(asdict(found)), flush=True)


class SavedModel:
    """The graph that TF Serving runs, asked text by text."""

    def __init__(self, folder: Path, intra: int) -> None:
        import tensorflow as tf
        import tensorflow_text  # noqa: F401  # registers the ops of the tokenizer

        tf.config.threading.set_intra_op_parallelism_threads(intra)
        self._tf = tf
        self._loaded = tf.saved_model.load(str(folder))
        signature = self._loaded.signatures["serving_default"]
        spec = [tf.TensorSpec([None], tf.string, "text")]

        def answer(text: Any) -> Sequence[Any]:
            found = signature(text=text)
            return found["label"], found["score"]

        self._spec = spec
        whole = tf.function(answer, input_signature=spec)
        self._answer = whole.get_concrete_function()

    def alone(self, text: str) -> str:
        """Answer one text that shares its batch with nobody."""
        label, _ = self._answer(self._tf.constant([text]))
        return str(label.numpy()[0].decode())

    def batched(
        self,
        name: str,
        *,
        size: int,
        timeout_us: int,
        threads: int,
        waiting: int = ROOMY,
    ) -> Ask:
        """Return what answers one text in a batch with those that wait beside it."""
        tf = self._tf

        def run(text: Any) -> Any:
            return tf.raw_ops.BatchFunction(
                in_tensors=[text],
                captured_tensors=self._answer.captured_inputs,
                f=self._answer,
                num_batch_threads=threads,
                max_batch_size=size,
                batch_timeout_micros=timeout_us,
                max_enqueued_batches=waiting,
                shared_name=name,  # or the first setting's queue would serve all
                Tout=[tf.string, tf.float32],
            )

        whole = tf.function(run, input_signature=self._spec).get_concrete_function()
        return _asking(tf, whole)


def _asking(tf: Any, whole: Callable[[Any], Sequence[Any]]) -> Ask:
    def ask(text: str) -> str:
        try:
            label = whole(tf.constant([text]))[0]
        except tf.errors.UnavailableError as error:
            raise RefusedError(str(error)) from None
        return str(label.numpy()[0].decode())

    return ask


if __name__ == "__main__":
    main()
