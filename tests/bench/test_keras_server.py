from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path

import pytest

from bench.server import serve

pytestmark = [pytest.mark.tf, pytest.mark.server]

TINY = Path(__file__).parents[1] / "containers/tiny"


def test_answers_as_the_keras_model_does(tmp_path: Path) -> None:
    import numpy as np
    import tensorflow as tf
    from tokenizers import Tokenizer

    from model_build.encoder import fresh_weights, to_keras
    from model_build.model import EncoderShape, LayerShape, Model

    tokenizer = Tokenizer.from_file(str(TINY / "litert/tokenizer.json"))
    shape = EncoderShape(
        vocabulary=tokenizer.get_vocab_size(),
        positions=32,
        width=16,
        head_width=8,
        layers=(LayerShape(heads=2, ffn=32),) * 2,
        classes=3,
    )
    model = Model(shape, fresh_weights(shape, seed=3), tokenizer.to_str())
    model.save(tmp_path)

    command = [sys.executable, "-m", "bench.keras_server", "--model", str(TINY)]
    command += ["--weights", str(tmp_path)]
    with serve(command, timeout_s=120) as server:
        request = urllib.request.Request(
            f"http://127.0.0.1:{server.port}/v1/models/tiny-sentiment:predict",
            json.dumps({"instances": ["the app is awful"]}).encode(),
        )
        answer = json.load(urllib.request.urlopen(request, timeout=20))

    ids = np.array([tokenizer.encode("the app is awful").ids], np.int32)
    expected = tf.nn.softmax(to_keras(model)(ids)["logits"])[0].numpy()
    (prediction,) = answer["predictions"]
    labels = ("negative", "neutral", "positive")
    assert prediction["label"] == labels[expected.argmax()]
    assert prediction["score"] == pytest.approx(float(expected.max()), abs=1e-5)
