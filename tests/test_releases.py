"""What is deployed was built from what is committed, and was measured."""

from __future__ import annotations

from pathlib import Path

from manifest import read_manifest
from model_build.spec import read_spec

ROOT = Path(__file__).parents[1]
RELEASES = sorted(ROOT.glob("stacks/releases/*/*.json"))


def test_every_release_was_built_from_the_committed_spec_and_measured() -> None:
    for path in RELEASES:
        release = read_manifest(path)
        spec = read_spec(ROOT / "model_build" / "specs" / f"{release.name}.toml")
        assert release.spec_digest == spec.digest, path
        release.measured()
