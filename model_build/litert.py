"""The form the light server loads: one LiteRT file, one signature a length."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer.calibrator import Calibrator
from ai_edge_quantizer.qtyping import TFLOperationName
from ai_edge_quantizer.quantizer import Quantizer
from ai_edge_quantizer.recipe_manager import RecipeManager
from ai_edge_quantizer.utils.qsv_utils import min_max_update

from model_build.encoder import Answer, answer_of
from model_build.model import Model, Precision
from model_build.quiet import quiet
from model_build.storage import rounded_to_bfloat16, stored_encoder
from model_build.tokens import Tokens

DENSE = TFLOperationName.FULLY_CONNECTED
# What static int8 is of. The rest (masks, softmax, normalisation) stays in float: in
# integers it ruins an encoder.
STATIC = {
    DENSE: ".*",
    TFLOperationName.BATCH_MATMUL: ".*",
    TFLOperationName.RESHAPE: "_attend/",
    TFLOperationName.TRANSPOSE: "_attend/",
}
SAMPLES = 64  # rows a signature that scales are found on


def export_litert(
    model: Model,
    lengths: Sequence[int],
    path: Path,
    calibration: Tokens | None = None,
) -> None:
    """Write `model` with the precision it asks for.

    `calibration` are rows that static int8 finds its scales on; only it wants them.
    Raises ValueError where they are missing. One signature `tokens_L` for each length L: `ids` int32 [1, L], padded with 0,
    gives `probabilities` float32 [1, classes], or `logits` [1, L, 2] where the head
    finds spans. Graphs of a fixed length share the
    weights and run 10 to 35 % faster than one of any length; the batch is 1, for on
    a CPU the cost is linear in tokens and a larger batch only holds more memory.
    """
    scheme = model.precision.scheme
    if scheme == "static-int8" and calibration is None:
        raise ValueError("calibration: none given, static-int8 finds its scales on it")
    if scheme == "bfloat16":  # LiteRT has none: the answers are, the bytes are not
        model = rounded_to_bfloat16(model)
    encoder = stored_encoder(model)
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
        if scheme == "float16":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        content = converter.convert()
        if scheme.endswith("int8") or scheme == "mixed":
            samples = _samples(calibration, lengths) if scheme == "static-int8" else {}
            content = _quantized(content, model.precision, samples)
    path.write_bytes(content)


def _quantized(
    content: bytes, precision: Precision, samples: Mapping[str, list[Any]]
) -> bytes:
    """Quantize a float file: weights symmetric, with a scale for each output."""
    quantizer = Quantizer(bytearray(content))
    if precision.scheme == "weight-int8":
        quantizer.add_weight_only_config(".*", DENSE, 8)
    elif precision.scheme == "static-int8":
        for operation, scope in STATIC.items():
            quantizer.add_static_config(scope, operation, 8, 8)
        # Its outputs are the answer: a scale that is too small would cap it.
        quantizer.add_dynamic_config("(^|/)classifier/", DENSE, 8)
    else:
        quantizer.add_dynamic_config(".*", DENSE, 8)
    for name in precision.float_layers:
        # Its weights are 8 bits, too, but widened: what hurts are its activations.
        quantizer.add_weight_only_config(f"(^|/){name}/", DENSE, 8)
    found = _ranges(content, quantizer, samples) if samples else None
    done = quantizer.quantize(found, enable_progress_report=False)
    return bytes(done.quantized_model)


def _ranges(
    content: bytes, quantizer: Quantizer, samples: Mapping[str, list[Any]]
) -> Any:
    """Smallest and largest value of each activation.

    The quantizer's own calibration averages over the rows, which caps half of them.
    """
    recipe = RecipeManager()
    recipe.load_quantization_recipe(quantizer.get_quantization_recipe())
    calibrator = Calibrator(
        content, num_threads=os.cpu_count(), qsv_update_func=min_max_update
    )
    calibrator.calibrate(samples, recipe)
    return calibrator.get_model_qsvs()


def _samples(tokens: Tokens, lengths: Sequence[int]) -> dict[str, list[Any]]:
    """Rows for each signature; cut to fit, so that none is without."""
    return {
        f"tokens_{length}": [
            {"ids": _padded(ids, length)}
            for ids in tokens.ids[_fitting(tokens, length)][:SAMPLES]
        ]
        for length in lengths
    }


def _fitting(tokens: Tokens, length: int) -> np.ndarray:
    """The rows in the order in which they would be served at `length`."""
    return np.argsort(np.abs(tokens.lengths - length), kind="stable")


def _padded(ids: np.ndarray, length: int) -> np.ndarray:
    row = np.zeros((1, length), np.int32)
    used = ids[:length]
    row[0, : len(used)] = used
    return row


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
            (answer,) = runners[length](ids=_padded(ids, length)).values()
            found.append(answer[0])
    return found
