"""The form the light server loads: one LiteRT file, one signature a length."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from model_build.encoder import Answer, answer_of, to_keras
from model_build.model import Model
from model_build.quiet import quiet
from model_build.tokens import Tokens


def export_litert(model: Model, lengths: Sequence[int], path: Path) -> None:
    """Write `model` with the precision it asks for.

    One signature `tokens_L` for each length L: `ids` int32 [1, L], padded with 0,
    gives `probabilities` float32 [1, classes], or `logits` [1, L, 2] where the head
    finds spans. Graphs of a fixed length share the
    weights and run 10 to 35 % faster than one of any length; the batch is 1, for on
    a CPU the cost is linear in tokens and a larger batch only holds more memory.
    """
    encoder = to_keras(model)
    module = tf.Module()
    # Not the model itself: saving a Keras model traces every layer once more.
    module.weights = encoder.variables
    answer = answer_of(encoder, model.shape.head)
    signatures = {f"tokens_{n}": _signature(answer, n) for n in lengths}
    with tempfile.TemporaryDirectory() as directory, quiet():
        tf.saved_model.save(module, directory, signatures=signatures)
        converter = tf.lite.TFLiteConverter.from_saved_model(
            directory, signature_keys=list(signatures)
        )
        if model.precision == "dynamic-int8":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        path.write_bytes(converter.convert())


def _signature(answer: Answer, length: int) -> Any:
    spec = tf.TensorSpec([1, length], tf.int32, "ids")
    return tf.function(answer, input_signature=[spec])


def outputs(path: Path, lengths: Sequence[int], tokens: Tokens) -> list[np.ndarray]:
    """What the exported file answers, row by row: [classes], or [length, 2]."""
    found = []
    with quiet():
        interpreter = Interpreter(str(path), num_threads=os.cpu_count())
        runners = {n: interpreter.get_signature_runner(f"tokens_{n}") for n in lengths}
        for ids, used in zip(tokens.ids, tokens.lengths, strict=True):
            length = next(n for n in lengths if n >= used)
            padded = np.zeros((1, length), np.int32)
            padded[0, :used] = ids[:used]
            (answer,) = runners[length](ids=padded).values()
            found.append(answer[0])
    return found
