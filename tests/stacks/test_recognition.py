"""An assembly that was made from just this is not made again; any other is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ManifestFactory
from tests.stacks.conftest import CDK_JSON, write_release

ROOT = CDK_JSON.parent


def synthesize(out: Path, releases: Path) -> tuple[float, str]:
    """Run what cdk.json runs; return its seconds and what it said."""
    flags = json.loads(CDK_JSON.read_text())["context"]
    context = json.dumps({**flags, "releases": str(releases)})
    told = {"CDK_CONTEXT_JSON": context, "CDK_OUTDIR": str(out)}
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, ROOT / "synth.py"],
        env={**os.environ, **told},
        capture_output=True,
        text=True,
        check=True,
    )
    return time.monotonic() - begun, done.stderr


def versions(out: Path) -> bool:
    return any("000000000000" in p.read_text() for p in out.glob("*.template.json"))


@pytest.fixture(scope="module")
def synthesized(
    tmp_path_factory: pytest.TempPathFactory, make_manifest: ManifestFactory
) -> tuple[Path, float, str]:
    """A folder with an assembly and its releases, its seconds and what was said."""
    folder = tmp_path_factory.mktemp("synthesized")
    write_release(folder / "releases", "dev", make_manifest())
    return folder, *synthesize(folder / "cdk.out", folder / "releases")


def test_nothing_is_synthesized_twice_and_nothing_stale_is_kept(
    synthesized: tuple[Path, float, str], make_manifest: ManifestFactory
) -> None:
    folder, first, said = synthesized
    out, releases = folder / "cdk.out", folder / "releases"
    assert "prod: endpoint support-sentiment is waiting for its first build" in said
    again, repeated = synthesize(out, releases)
    assert again < first / 2
    assert repeated == said

    write_release(releases, "dev", make_manifest(version="0" * 12))
    assert not versions(out)
    synthesize(out, releases)
    assert versions(out)

    (template,) = out.glob("devcluster*.template.json")
    sound = template.read_text()
    template.write_text(sound.replace("lathe-dev", "lathe-mine"))
    synthesize(out, releases)
    assert template.read_text() == sound


def test_a_synthesis_that_fails_leaves_nothing_to_be_recognised(
    synthesized: tuple[Path, float, str], tmp_path: Path
) -> None:
    shutil.copytree(synthesized[0], tmp_path, dirs_exist_ok=True)
    out, releases = tmp_path / "cdk.out", tmp_path / "releases"
    assert (out / "synthesized.json").exists()
    (releases / "dev" / "support-sentiment.json").write_text("{")
    with pytest.raises(subprocess.CalledProcessError) as failed:
        synthesize(out, releases)
    assert failed.value.returncode == 2
    assert failed.value.stderr.startswith("error: ")
    assert not (out / "synthesized.json").exists()
