"""What is deployed was built from what is committed, and was measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from manifest import read_manifest
from model_build.spec import read_spec

ROOT = Path(__file__).parents[1]
RELEASES = sorted(ROOT.glob("stacks/releases/*/*.json"))


@pytest.mark.parametrize("release", RELEASES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_a_release_was_built_from_the_committed_spec(release: Path) -> None:
    spec = read_spec(ROOT / "model_build" / "specs" / f"{release.stem}.toml")
    assert read_manifest(release).spec_digest == spec.digest


@pytest.mark.parametrize("release", RELEASES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_a_release_was_measured(release: Path) -> None:
    read_manifest(release).measured()
