from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.account import Account
from rehearsal.assembly import Resource
from rehearsal.emulator import start_emulator


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """A real emulator, shared by tests that each make what they look at."""
    with start_emulator(tmp_path_factory.mktemp("emulator")) as account:
        yield account


@pytest.fixture
def releases(tmp_path: Path, make_manifest: Any) -> Path:
    """One release in each stage, as `make demo` leaves them."""
    for stage in ("dev", "prod"):
        folder = tmp_path / "releases" / stage
        folder.mkdir(parents=True)
        release = make_manifest().to_json()
        (folder / "support-sentiment.json").write_text(release, encoding="utf-8")
    return tmp_path / "releases"


def resource(kind: str, properties: dict[str, Any], retained: bool = False) -> Resource:
    return Resource("dev-plain", "Thing", kind, properties, retained, False)
