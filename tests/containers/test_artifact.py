from __future__ import annotations

import json
from pathlib import Path

import pytest

from containers.flask.artifact import StartError, open_artifact
from manifest import Manifest


def test_opens_what_was_built(artifact: Path, tiny_manifest: Manifest) -> None:
    assert open_artifact(artifact) == tiny_manifest


def test_names_the_variable_when_the_directory_is_missing(tmp_path: Path) -> None:
    with pytest.raises(
        StartError, match="no-such: no such directory; in an image MODEL_DIR"
    ):
        open_artifact(tmp_path / "no-such")


@pytest.mark.parametrize(
    "path", ["manifest.json", "litert/model.tflite", "litert/tokenizer.json"]
)
def test_names_a_missing_file(artifact: Path, path: str) -> None:
    (artifact / path).unlink()
    with pytest.raises(StartError, match=rf"{path}: [Nn]o such file"):
        open_artifact(artifact)


@pytest.mark.parametrize("path", ["litert/model.tflite", "litert/tokenizer.json"])
def test_refuses_a_file_with_one_changed_bit(artifact: Path, path: str) -> None:
    content = bytearray((artifact / path).read_bytes())
    content[len(content) // 2] ^= 1
    (artifact / path).write_bytes(content)
    with pytest.raises(StartError, match=rf"{path}: SHA-256 is .* not the file"):
        open_artifact(artifact)


def test_refuses_a_file_that_the_manifest_does_not_list(artifact: Path) -> None:
    rewrite(artifact, files={"litert/model.tflite": "2" * 64})
    with pytest.raises(StartError, match=r"model.tflite: SHA-256"):
        open_artifact(artifact)
    rewrite(artifact, files={"saved_model/saved_model.pb": "2" * 64})
    with pytest.raises(StartError, match=r"files: litert/model.tflite is not listed"):
        open_artifact(artifact)


def test_refuses_an_artifact_made_for_the_other_runtime(artifact: Path) -> None:
    rewrite(artifact, runtime="tf_serving")
    with pytest.raises(StartError, match="runtime: 'tf_serving' is not 'flask'"):
        open_artifact(artifact)


def rewrite(artifact: Path, **changes: object) -> None:
    path = artifact / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
