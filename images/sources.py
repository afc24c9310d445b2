"""What an image is made of beside the model, and the digest of it."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from manifest import Manifest

ROOT = Path(__file__).resolve().parents[1]


def server_digest(root: Path = ROOT) -> str:
    """SHA-256 over the sources that are baked into an image beside the model."""
    sources = {
        str(path.relative_to(root / "containers")): _digest(path)
        for path in sorted((root / "containers").rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    sources["manifest.py"] = _digest(root / "manifest.py")
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()


def fill(context: Path, artifact: Path, manifest: Manifest) -> None:
    """Copy what the Dockerfiles name into an empty folder, and nothing else.

    So a build sends no environment and no earlier step, and finds an artifact that
    lies anywhere. Raises OSError where a file is missing or the disk is full.
    """
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "containers", context / "containers", ignore=ignore)
    shutil.copyfile(ROOT / "manifest.py", context / "manifest.py")
    dist = context / "dist"
    dist.mkdir()
    shutil.copyfile(artifact / "manifest.json", dist / "manifest.json")
    for path in manifest.files:
        (dist / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(artifact / path, dist / path)


def base_of(runtime: str, root: Path = ROOT) -> str:
    """Return the base image that a Dockerfile names."""
    return pinned("BASE", runtime, root)


def pinned(argument: str, folder: str, root: Path = ROOT) -> str:
    """Return the image that an argument of containers/FOLDER/Dockerfile names."""
    text = (root / "containers" / folder / "Dockerfile").read_text(encoding="utf-8")
    start = f"ARG {argument}="
    (line,) = [each for each in text.splitlines() if each.startswith(start)]
    return line.removeprefix(start)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
