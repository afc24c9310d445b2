"""The artifact directory as a server sees it: opened only if it is what was built."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from manifest import Engine, Manifest, ManifestError, read_manifest

TOKENIZER = "tokenizer.json"  # in the engine's folder, beside the model
MODEL: Mapping[Engine, tuple[str, ...]] = {
    "litert": ("model.tflite",),
    "openvino": ("model.xml", "model.bin"),
}


class StartError(Exception):
    """Why a server must not start, in one line for whoever started it."""


def open_artifact(directory: Path) -> Manifest:
    """Return the manifest of an artifact whose served files have their digests.

    Only the files this server loads are hashed, so that a start costs milliseconds;
    an image need not carry the others. Raises StartError naming the file.
    """
    if not directory.is_dir():
        raise StartError(
            f"{directory}: no such directory; in an image MODEL_DIR names it"
        )
    try:
        manifest = read_manifest(directory / "manifest.json")
    except ManifestError as error:
        raise StartError(str(error)) from error
    if manifest.runtime != "flask":
        raise StartError(
            f"{directory}/manifest.json: runtime: {manifest.runtime!r} is not 'flask'"
        )
    for name in (*MODEL[manifest.engine], TOKENIZER):
        path = f"{manifest.engine}/{name}"
        _check(directory, path, manifest.files.get(path))
    return manifest


def _check(directory: Path, path: str, expected: str | None) -> None:
    if expected is None:
        raise StartError(f"{directory}/manifest.json: files: {path} is not listed")
    try:
        with (directory / path).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StartError(f"{directory / path}: {error.strerror}") from error
    if found != expected:
        raise StartError(
            f"{directory / path}: SHA-256 is {found[:12]}..., "
            f"manifest.json says {expected[:12]}...: not the file that was built"
        )
