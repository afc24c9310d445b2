"""The real TensorFlow Serving image, wherever its base can be pulled.

pytest -m live tests/containers/test_tf_serving.py            REST, status, metrics
.venv/build/bin/python -m pytest -m live tests/containers/test_tf_serving.py   and gRPC
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from bench.server import free_port
from images.bake import bake
from images.engine import BakeError, Engine, Name
from images.sources import base_of
from manifest import Manifest, read_manifest

pytestmark = pytest.mark.live

ARTIFACT = Path(__file__).parents[2] / "build" / "support-sentiment"
HARDENED = (
    "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL",
    "--security-opt", "no-new-privileges",
)  # fmt: skip


@pytest.fixture(scope="module")
def engine() -> Engine:
    """What has the base image, or says why there is none."""
    names: tuple[Name, ...] = ("podman", "docker")
    if not (name := next((n for n in names if shutil.which(n)), None)):
        pytest.skip("neither podman nor docker is installed")
    found = Engine(name)
    try:
        found.pull(base_of("tf_serving"))
    except BakeError as error:
        pytest.skip(str(error))
    return found


@pytest.fixture(scope="module")
def manifest(engine: Engine) -> Manifest:
    path = ARTIFACT / "manifest.json"
    if not path.is_file():
        pytest.skip(f"{path}: no such file: make demo builds a model")
    found = read_manifest(path)
    if "tf_serving/models.config" not in found.files:
        pytest.skip(f"{path}: built before TensorFlow Serving's configs were")
    return found


@pytest.fixture(scope="module")
def ports(engine: Engine, manifest: Manifest) -> Iterator[dict[str, int]]:
    """Of a hardened container that is ready; it is taken away afterwards."""
    image = bake(ARTIFACT, manifest, "tf_serving", engine).reference
    ports = {"grpc": free_port(), "rest": free_port()}
    published = [
        f"--publish=127.0.0.1:{ports['grpc']}:8500",
        f"--publish=127.0.0.1:{ports['rest']}:8501",
    ]
    command = [
        engine.name,
        "run",
        "--detach",
        "--network=bridge",
        *HARDENED,
        *published,
    ]
    started = subprocess.run(
        [*command, image], capture_output=True, text=True, check=True
    )
    container = started.stdout.strip()
    try:
        _wait(ports["rest"], manifest.name)
        yield ports
    finally:
        subprocess.run(
            [engine.name, "rm", "-f", container], capture_output=True, check=True
        )


def _wait(port: int, model: str) -> None:
    for _ in range(120):
        with suppress(urllib.error.URLError, OSError):
            status = ask(port, f"/v1/models/{model}")["model_version_status"]
            if status[0]["state"] == "AVAILABLE":
                return
        time.sleep(0.5)
    pytest.fail(f"{model} is not AVAILABLE after 60 s")


def ask(port: int, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    url = f"http://127.0.0.1:{port}{path}"
    with urllib.request.urlopen(url, data, timeout=10) as answer:
        return json.load(answer)


def sample() -> tuple[list[str], list[dict[str, Any]]]:
    found = json.loads((ARTIFACT / "sample.json").read_text())
    return found["instances"], found["answers"]["tf_serving"]


@pytest.mark.parametrize("shape", ["bare", "keyed"])
def test_rest_answers_what_the_build_said_it_would(
    ports: dict[str, int], manifest: Manifest, shape: str
) -> None:
    texts, told = sample()
    instances = texts if shape == "bare" else [{"text": text} for text in texts]
    path = f"/v1/models/{manifest.name}:predict"
    found = ask(ports["rest"], path, {"instances": instances})["predictions"]
    assert [each["label"] for each in found] == [each["label"] for each in told]
    for each, other in zip(found, told, strict=True):
        assert each["score"] == pytest.approx(other["score"], abs=1e-3)


def test_more_instances_than_the_model_takes_are_refused(
    ports: dict[str, int], manifest: Manifest
) -> None:
    path = f"/v1/models/{manifest.name}:predict"
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(ports["rest"], path, {"instances": ["a"] * (manifest.max_batch + 1)})
    assert refused.value.code == 400


def test_metrics_are_where_the_config_says(ports: dict[str, int]) -> None:
    url = f"http://127.0.0.1:{ports['rest']}/monitoring/prometheus/metrics"
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert b":tensorflow:serving:" in answer.read()


def test_grpc_answers_like_rest(ports: dict[str, int], manifest: Manifest) -> None:
    grpc = pytest.importorskip("grpc", reason="gRPC is in the build environment")
    tf = pytest.importorskip("tensorflow", reason="it is in the build environment")
    from tensorflow_serving.apis.predict_pb2 import PredictRequest
    from tensorflow_serving.apis.prediction_service_pb2_grpc import (
        PredictionServiceStub,
    )

    texts, told = sample()
    request = PredictRequest()
    request.model_spec.name = manifest.name
    request.inputs["text"].CopyFrom(tf.make_tensor_proto(texts, tf.string))
    with grpc.insecure_channel(f"127.0.0.1:{ports['grpc']}") as channel:
        answer = PredictionServiceStub(channel).Predict(request, timeout=10)
    labels = tf.make_ndarray(answer.outputs["label"]).tolist()
    assert [label.decode() for label in labels] == [each["label"] for each in told]
