"""What TensorFlow Serving is given to read, read with its own protos."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf import text_format

from model_build.model import Model
from tests.conftest import ManifestFactory

pytestmark = pytest.mark.tf

TEXTS = [f"my bag number {number} was lost" for number in range(100)]


def records(path: Path) -> list[dict[str, object]]:
    """Each record's model, signature and texts; anything else in it is an error."""
    import tensorflow as tf
    from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

    found: list[dict[str, object]] = []
    for raw in tf.data.TFRecordDataset(str(path)):
        log = PredictionLog.FromString(raw.numpy())
        assert log.WhichOneof("log_type") == "predict_log"
        request = log.predict_log.request
        (name,) = request.inputs
        texts = [t.decode() for t in tf.make_ndarray(request.inputs[name]).tolist()]
        found.append(
            {
                "model": request.model_spec.name,
                "signature": request.model_spec.signature_name,
                "input": name,
                "texts": texts,
            }
        )
    return found


def test_warm_up_has_each_batch_size_and_no_text_twice(tmp_path: Path) -> None:
    from model_build.tf_serving import write_warmup

    path = tmp_path / "assets.extra" / "tf_serving_warmup_requests"
    write_warmup(path, "support", TEXTS, max_batch=32)
    found = records(path)
    assert {(r["model"], r["signature"], r["input"]) for r in found} == {
        ("support", "serving_default", "text")
    }
    sent = [record["texts"] for record in found]
    assert [len(texts) for texts in sent] == [1] * 16 + [2, 4, 8, 16, 32]  # type: ignore[arg-type]
    assert [t for texts in sent for t in texts] == TEXTS[: 16 + 62]  # type: ignore[attr-defined]


def test_warm_up_is_shorter_where_there_is_little_text(tmp_path: Path) -> None:
    from model_build.tf_serving import write_warmup

    write_warmup(tmp_path / "warmup", "support", TEXTS[:19], max_batch=32)
    assert [len(r["texts"]) for r in records(tmp_path / "warmup")] == [1] * 16 + [2]  # type: ignore[arg-type]


def test_warm_up_requests_are_answered_by_the_signature(
    tiny_model: Model, tmp_path: Path
) -> None:
    import tensorflow as tf

    from model_build.saved_model import export_saved_model
    from model_build.tf_serving import write_warmup

    export_saved_model(
        tiny_model,
        labels=("bad", "good"),
        length=16,
        directory=tmp_path,
    )
    path = tmp_path / "assets.extra" / "tf_serving_warmup_requests"
    write_warmup(path, "toy", TEXTS, max_batch=4)
    loaded = tf.saved_model.load(str(tmp_path))  # with the records beside it
    for record in records(path):
        signature = loaded.signatures[record["signature"]]
        answer = signature(**{str(record["input"]): tf.constant(record["texts"])})
        assert len(answer["label"]) == len(record["texts"])  # type: ignore[arg-type]


def test_the_models_config_is_one_that_the_server_reads(
    make_manifest: ManifestFactory, tmp_path: Path
) -> None:
    from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

    from model_build.tf_serving import write_configs

    write_configs(tmp_path, make_manifest(name="a-model"))
    text = (tmp_path / "models.config").read_text()
    read = text_format.Parse(text, ModelServerConfig())
    (model,) = read.model_config_list.config
    assert (model.name, model.base_path) == ("a-model", "/model")
    assert model.model_platform == "tensorflow"


def test_configs_hold_this_model_s_name_and_bound(
    make_manifest: ManifestFactory, tmp_path: Path
) -> None:
    from model_build.tf_serving import write_configs

    written = write_configs(tmp_path, make_manifest(max_batch=7))
    assert {path.name for path in written} == {
        "batching.config",
        "models.config",
        "monitoring.config",
    }
    assert "max_batch_size { value: 7 }" in (tmp_path / "batching.config").read_text()
    assert not [path for path in written if "@" in path.read_text()]
