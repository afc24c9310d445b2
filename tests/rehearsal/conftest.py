from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from manifest import read_manifest
from rehearsal.account import Account
from rehearsal.assembly import Resource
from rehearsal.emulator import start_emulator

TINY = Path(__file__).parents[1] / "containers/tiny"


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """A real emulator, shared by tests that each make what they look at."""
    with start_emulator(tmp_path_factory.mktemp("emulator")) as account:
        yield account


@pytest.fixture
def artifact(tmp_path: Path, make_manifest: Any) -> Path:
    return tiny_artifact(tmp_path, make_manifest)


@pytest.fixture
def releases(tmp_path: Path, artifact: Path) -> Path:
    return dev_releases(tmp_path, artifact)


def tiny_artifact(home: Path, make_manifest: Any) -> Path:
    """The tiny real artifact, under the name of a model that our stages run."""
    folder = shutil.copytree(TINY, home / "artifact")
    tiny = read_manifest(folder / "manifest.json")
    manifest = make_manifest(
        **{name: getattr(tiny, name) for name in ("version", "lengths", "max_batch")},
        files={**make_manifest().files, **tiny.files},
    )
    (folder / "manifest.json").write_text(manifest.to_json(), encoding="utf-8")
    return folder


def dev_releases(home: Path, artifact: Path) -> Path:
    """A release of the artifact in dev, as `make demo` leaves it."""
    folder = home / "releases" / "dev"
    folder.mkdir(parents=True)
    shutil.copy(artifact / "manifest.json", folder / "support-sentiment.json")
    return home / "releases"


def resource(kind: str, properties: dict[str, Any], retained: bool = False) -> Resource:
    return Resource("dev-plain", "Thing", kind, properties, retained, False)
