"""The model served as a Keras tutorial would: fp32, predict, behind the same Flask app.

python -m bench.keras_server --model DIR --weights FILE --port N

Runs in the build environment. DIR is an artifact, for its labels, lengths and
tokenizer; FILE holds the weights of a Lathe model (a pass's model.safetensors).
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import numpy as np
from flask import Flask
from numpy.typing import NDArray

from bench.server import become
from containers.flask import wsgi
from manifest import Manifest


class KerasEngine:
    """`predict_on_batch` of a Keras model: a compiled graph, on all cores."""

    batch_tokens = 1024  # it gains by large batches, up to its rows of 32

    def __init__(self, model: Any) -> None:
        self._model = model

    def run(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        answer: NDArray[np.float32] = self._model.predict_on_batch(ids)
        return answer


def create() -> Flask:
    """Build the application that gunicorn runs; only its engine is another."""
    return wsgi.create(_load)


def _load(manifest: Manifest, directory: Path, cores: int) -> KerasEngine:
    engine = KerasEngine(_model(Path(os.environ["KERAS_WEIGHTS"])))
    for length in manifest.lengths:  # the first call traces the graph
        engine.run(np.ones((1, length), np.int32))
    return engine


def _model(weights: Path) -> Any:
    import tf_keras as keras  # seconds: not for --help

    from model_build.encoder import to_keras
    from model_build.model import load_model

    encoder = to_keras(load_model(weights))
    probabilities = keras.layers.Softmax()(encoder.output["logits"])
    return keras.Model(encoder.input, probabilities)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.keras_server",
        description="Serve a Lathe model with plain Keras, to compare with.",
    )
    parser.add_argument("--model", type=Path, required=True, metavar="DIR")
    parser.add_argument("--weights", type=Path, required=True, metavar="DIR")
    parser.add_argument("--port", required=True)
    options = parser.parse_args()
    become(
        "bench.keras_server:create()",
        options.model,
        options.port,
        KERAS_WEIGHTS=str(options.weights.resolve()),
        TF_CPP_MIN_LOG_LEVEL="2",
    )


if __name__ == "__main__":
    main()
