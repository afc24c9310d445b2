"""The contract: what one side writes another can trust, or refuses by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from manifest import ManifestError, read_manifest
from tests.conftest import ManifestFactory


def test_survives_a_round_trip(make_manifest: ManifestFactory, tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(make_manifest().to_json())
    assert read_manifest(path) == make_manifest()


def test_an_image_is_named_after_the_bytes_in_it(
    make_manifest: ManifestFactory,
) -> None:
    assert make_manifest().image_tag == "support-sentiment-3f1c9a07be24"


def test_can_be_served_by_what_it_holds_files_for(
    make_manifest: ManifestFactory,
) -> None:
    assert make_manifest().runtimes == ("flask", "tf_serving")
    light = make_manifest(files={"litert/model.tflite": "2" * 64})
    assert light.runtimes == ("flask",)
    assert make_manifest(engine="openvino").runtimes == ("tf_serving",)


def test_a_release_diffs_one_line_a_change(make_manifest: ManifestFactory) -> None:
    old = make_manifest().to_json().splitlines()
    new = make_manifest(max_batch=64).to_json().splitlines()
    assert sum(a != b for a, b in zip(old, new, strict=True)) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"colour": "red"}, r"unknown keys \['colour'\]", id="unknown key"),
        pytest.param({"schema": 5}, "schema: 5 is not 4: rebuild", id="newer schema"),
        pytest.param(
            {"runtime": "triton"}, "runtime: 'triton' is not one of", id="runtime"
        ),
        pytest.param(
            {"architecture": "mips"}, "architecture: 'mips' is not one", id="machine"
        ),
        pytest.param({"engine": "onnx"}, "engine: 'onnx' is not one", id="engine"),
        pytest.param({"task": "ranking"}, "task: 'ranking' is not one of", id="task"),
        pytest.param({"name": "Not A Name"}, "name: 'Not A Name'", id="name"),
        pytest.param({"version": "latest"}, "version: 'latest'", id="version"),
        pytest.param({"max_batch": 0}, "max_batch: 0 is not at least 1", id="no batch"),
        pytest.param(
            {"max_batch": "32"}, "max_batch: '32' is not of type int", id="text"
        ),
        pytest.param(
            {"max_batch": True}, "max_batch: True is not of type int", id="bool"
        ),
        pytest.param({"labels": ["a"]}, "labels", id="one label"),
        pytest.param(
            {"task": "question-answering"},
            "labels: .* question-answering has none",
            id="labels of a question",
        ),
        pytest.param(
            {"lengths": [32, 16]}, "lengths.*do not rise", id="falling lengths"
        ),
        pytest.param({"files": {}}, "files: none given", id="no files"),
        pytest.param(
            {"files": {"../x": "2" * 64}}, "leaves the artifact", id="outside"
        ),
        pytest.param({"files": {"x": "2"}}, r"files\[x\]", id="short digest"),
        pytest.param({"steps": 3}, "steps: 3 is not a list", id="no steps"),
        pytest.param(
            {"serving": {"vcpu": 1}}, "serving: missing keys", id="half measured"
        ),
    ],
)
def test_refuses_what_it_cannot_trust(
    make_manifest: ManifestFactory,
    tmp_path: Path,
    changes: dict[str, Any],
    message: str,
) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({**json.loads(make_manifest().to_json()), **changes}))
    with pytest.raises(ManifestError, match=message) as refusal:
        read_manifest(path)
    assert str(refusal.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("memory_mib", 0, "serving.memory_mib: 0 is not at least 1"),
        ("p99_ms", -1.0, "serving.p99_ms: -1.0 is not above 0"),
        ("p50_ms", float("nan"), "serving.p50_ms: nan is not above 0"),
    ],
)
def test_refuses_a_measurement_that_cannot_be(
    make_manifest: ManifestFactory,
    tmp_path: Path,
    field: str,
    value: float,
    message: str,
) -> None:
    raw = json.loads(make_manifest().to_json())
    raw["serving"][field] = value
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(raw))
    with pytest.raises(ManifestError, match=message):
        read_manifest(path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe"])
def test_refuses_a_file_that_is_no_manifest(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "manifest.json"
    path.write_bytes(content)
    with pytest.raises(ManifestError, match=r"manifest\.json"):
        read_manifest(path)


def test_nothing_unmeasured_is_released(make_manifest: ManifestFactory) -> None:
    with pytest.raises(ManifestError, match="quality: not measured"):
        make_manifest(quality=None).measured()
