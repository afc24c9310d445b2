"""The second form of the light server's model: OpenVINO, one file for any length."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import nncf
import numpy as np
import openvino
import tensorflow as tf

from model_build.encoder import answer_of
from model_build.model import Model, Precision
from model_build.quiet import quiet
from model_build.storage import stored_encoder
from model_build.tokens import Tokens

PTQ = ("dynamic-int8", "static-int8")


def export_openvino(model: Model, calibration: Tokens, path: Path) -> None:
    """Write `model` as path (.xml) and its weights beside it (.bin).

    `ids` int32 [batch, length], padded with 0, gives `probabilities` float32 [batch,
    classes], or `logits` [batch, length, 2] where the head finds spans. Where `model`
    asks for dynamic-int8 or static-int8, weights and activations are quantized after
    training, on scales that `calibration` gives (Lin et al., 2016, arXiv 1511.06393;
    NNCF): fixed scales in both, so that an answer does not depend on its batch. Raises
    ValueError for a scheme that OpenVINO does not run.
    """
    scheme = model.precision.scheme
    if scheme in ("bfloat16", "mixed"):
        raise ValueError(f"precision: {scheme!r} is not one that OpenVINO runs")
    # NNCF quantizes the embeddings itself, with the rest.
    own = replace(model, precision=Precision(scheme)) if scheme in PTQ else model
    encoder = stored_encoder(own)
    module = tf.Module()
    module.weights = encoder.variables
    spec = tf.TensorSpec([None, None], tf.int32, "ids")
    answer = answer_of(encoder, model.shape.head)
    served = tf.function(answer, input_signature=[spec])
    with tempfile.TemporaryDirectory() as directory, quiet():
        tf.saved_model.save(module, directory, signatures=served)
        converted = openvino.convert_model(directory)
        if scheme in PTQ:
            converted = _quantize(converted, calibration)
        if scheme == "weight-int8":
            converted = _compress(converted)
        half = scheme == "float16"
        openvino.save_model(converted, path, compress_to_fp16=half)


def _quantize(converted: Any, calibration: Tokens) -> Any:
    rows = [
        ids[np.newaxis, :used]
        for ids, used in zip(calibration.ids, calibration.lengths, strict=True)
    ]
    nncf.set_log_level(logging.ERROR)
    with contextlib.redirect_stdout(io.StringIO()):  # its progress bars
        return nncf.quantize(
            converted,
            nncf.Dataset(rows),
            model_type=nncf.ModelType.TRANSFORMER,
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(rows),
        )


def _compress(converted: Any) -> Any:
    int8 = nncf.CompressWeightsMode.INT8_SYM
    nncf.set_log_level(logging.ERROR)
    with contextlib.redirect_stdout(io.StringIO()):
        return nncf.compress_weights(converted, mode=int8)


def outputs(path: Path, lengths: Sequence[int], tokens: Tokens) -> list[np.ndarray]:
    """What the exported file answers, row by row: [classes], or [length, 2]."""
    settings = {
        "INFERENCE_NUM_THREADS": os.cpu_count(),
        "INFERENCE_PRECISION_HINT": "f32",
    }
    compiled = openvino.Core().compile_model(path, "CPU", settings)
    found = []
    for ids, used in zip(tokens.ids, tokens.lengths, strict=True):
        padded = np.zeros((1, next(n for n in lengths if n >= used)), np.int32)
        padded[0, :used] = ids[:used]
        found.append(compiled(padded)[0][0])
    return found
