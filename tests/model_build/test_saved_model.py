"""The SavedModel answers what the Flask runtime answers, on what TF Serving links."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.server import litert_command, serve
from manifest import Manifest
from model_build.model import Model
from tests.conftest import ManifestFactory
from tests.model_build.test_exports import noisy_messages

pytestmark = pytest.mark.tf

ROOT = Path(__file__).parents[2]
LABELS = ("bad", "good")
LENGTHS = (8, 16, 32)


@pytest.fixture(scope="module")
def artifact(
    tiny_model: Model,
    make_manifest: ManifestFactory,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """One model in both forms, at full precision: nothing but code can differ."""
    from model_build.litert import export_litert
    from model_build.saved_model import export_saved_model

    folder = tmp_path_factory.mktemp("artifact")
    (folder / "litert").mkdir()
    export_litert(tiny_model, LENGTHS, folder / "litert" / "model.tflite")
    (folder / "litert" / "tokenizer.json").write_text(tiny_model.tokenizer)
    export_saved_model(
        tiny_model,
        labels=LABELS,
        length=max(LENGTHS),
        directory=folder / "saved_model",
    )
    manifest = _manifest(make_manifest, folder)
    (folder / "manifest.json").write_text(manifest.to_json())
    return folder


def _manifest(make_manifest: ManifestFactory, folder: Path) -> Manifest:
    from model_build.artifact import digests

    return make_manifest(
        name="toy",
        labels=LABELS,
        lengths=LENGTHS,
        max_batch=32,
        files=digests(folder),
    )


def flask_answers(port: int, texts: Sequence[str]) -> list[tuple[str, float]]:
    body = json.dumps({"instances": list(texts)}).encode()
    url = f"http://127.0.0.1:{port}/v1/models/toy:predict"
    with urllib.request.urlopen(url, body, timeout=30) as answer:
        found = json.load(answer)["predictions"]
    return [(each["label"], each["score"]) for each in found]


@pytest.mark.server
def test_a_thousand_messages_get_the_label_that_the_flask_runtime_gives(
    artifact: Path,
) -> None:
    import tensorflow as tf

    texts = [text for text in noisy_messages(1000) if text.strip()]
    loaded = tf.saved_model.load(str(artifact / "saved_model"))
    signature = loaded.signatures["serving_default"]
    command = litert_command(artifact, python=Path(sys.executable))
    with serve(command) as server:
        for begin in range(0, len(texts), 32):
            batch = texts[begin : begin + 32]
            own = signature(text=tf.constant(batch))
            labels = [label.decode() for label in own["label"].numpy()]
            theirs = flask_answers(server.port, batch)
            assert labels == [label for label, _ in theirs]
            for score, (_, other) in zip(own["score"].numpy(), theirs, strict=True):
                assert float(score) == pytest.approx(other, abs=1e-4)
    assert len(texts) > 900


def test_a_build_that_goes_on_after_its_export_can_ask_it(artifact: Path) -> None:
    # red if the sample's own step leaves the tokenizer's operations to the export's
    asked = (
        "import sys, pathlib; from model_build.sample import write_sample;"
        "folder = pathlib.Path(sys.argv[1]);"
        "write_sample(folder / 'sample.json', folder, ['my bag was lost!'], [{}])"
    )
    command = [sys.executable, "-c", asked, str(artifact)]
    subprocess.run(command, cwd=ROOT, check=True)
    sample = json.loads((artifact / "sample.json").read_text())
    (answer,) = sample["answers"]["tf_serving"]
    assert answer["label"] in LABELS


def test_bytes_that_are_no_text_leave_their_neighbours_answers_alone(
    artifact: Path,
) -> None:
    """gRPC takes any bytes, and a batch that fails would fail for all in it."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(artifact / "saved_model"))
    signature = loaded.signatures["serving_default"]
    kept = b"my bag was lost!"
    alone = float(signature(text=tf.constant([kept]))["score"][0])
    for bad in (b"\xff\xfe", b"ok \xc3", b"\xed\xa0\x80", b"", b"\x00", b"a" * 100_000):
        answer = signature(text=tf.constant([bad, kept]))
        assert float(answer["score"][1]) == pytest.approx(alone, abs=1e-6), bad


def test_every_op_is_one_that_tf_serving_links(artifact: Path) -> None:
    """TensorFlow's own, and of TF.Text those of the line that the image is built with."""
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    text = (ROOT / "containers/tf_serving/Dockerfile").read_text()
    (line,) = re.findall(r"^ARG BASE=\S+/serving:(\d+\.\d+)\.", text, re.M)
    raw = (artifact / "saved_model" / "saved_model.pb").read_bytes()
    (graph,) = SavedModel.FromString(raw).meta_graphs
    assert graph.meta_info_def.tensorflow_version.startswith(f"{line}.")
    pins = (ROOT / "model_build/requirements.in").read_text()
    assert re.search(rf"^tensorflow-text=={line}\.", pins, re.M)
    used = {node.op for node in graph.graph_def.node}
    for function in graph.graph_def.library.function:
        used |= {node.op for node in function.node_def}
    functions = {f.signature.name for f in graph.graph_def.library.function}
    foreign = {op for op in used - functions if not _is_tensorflow_s_own(op)}
    assert foreign == {"FastWordpieceTokenizeWithOffsets", "NormalizeUTF8"}


def _is_tensorflow_s_own(op: str) -> bool:
    import tensorflow as tf

    return hasattr(tf.raw_ops, op)
