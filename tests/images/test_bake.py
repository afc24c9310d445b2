"""The baker where it cannot bake: no engine, no base, no room, no artifact."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from images.bake import build_arguments, reference
from images.layers import measure
from images.sources import base_of, fill, server_digest
from manifest import read_manifest
from tests.conftest import ManifestFactory
from tests.images.conftest import ROOT, TINY


def bake(tools: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the command where `tools` holds the only engine."""
    return subprocess.run(
        [sys.executable, "-m", "images", *(options or (str(TINY),))],
        cwd=ROOT,
        env={**os.environ, "PATH": str(tools)},
        capture_output=True,
        text=True,
        check=False,
    )


def engine(folder: Path, body: str) -> Path:
    """Write an engine that says what a real one said."""
    tool = folder / "docker"
    tool.write_text(f"#!/bin/sh\n{body}\n")
    tool.chmod(0o755)
    return folder


def said(done: subprocess.CompletedProcess[str]) -> str:
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    return line


def test_a_missing_engine_is_named(tmp_path: Path) -> None:
    assert "docker: no such command; ENGINE=" in said(bake(tmp_path))


def test_a_missing_artifact_is_named(tmp_path: Path) -> None:
    line = said(bake(tmp_path, str(tmp_path)))
    assert line == f"error: {tmp_path}/manifest.json: no such file"


def test_a_runtime_without_files_is_refused(tmp_path: Path) -> None:
    line = said(bake(tmp_path, str(TINY), "--runtime", "tf_serving"))
    assert "has files for flask, not for tf_serving" in line


def test_a_base_that_cannot_be_pulled_is_named_with_the_reason(tmp_path: Path) -> None:
    body = 'echo "Error: lookup registry-1.docker.io: no such host" >&2; exit 125'
    line = said(bake(engine(tmp_path, body)))
    assert f"{base_of('flask')}: cannot be pulled: Error: lookup" in line
    assert "BASE=IMAGE builds on another" in line


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("Error: write /var/lib: no space left on device", "the disk is full"),
        ("error: the base image lacks libfoo.so.1", "error: the base image lacks"),
    ],
)
def test_a_failed_build_says_why(tmp_path: Path, told: str, reason: str) -> None:
    body = f'[ "$1" = image ] && exit 0; echo "STEP 1"; echo "{told}" >&2; exit 1'
    line = said(bake(engine(tmp_path, body)))
    assert f"not built: {reason}" in line


def test_a_context_holds_what_is_baked_and_nothing_else(tmp_path: Path) -> None:
    fill(tmp_path, TINY, read_manifest(TINY / "manifest.json"))
    assert {path.name for path in tmp_path.iterdir()} == {
        "containers",
        "dist",
        "manifest.py",
    }
    assert server_digest(tmp_path) == server_digest()
    served = read_manifest(TINY / "manifest.json").files
    assert all((tmp_path / "dist" / path).exists() for path in served)


def test_only_sources_that_were_measured_get_a_tag_that_may_be_released(
    make_manifest: ManifestFactory,
) -> None:
    measured = make_manifest(server_digest=server_digest())
    name = "lathe/support-sentiment/flask:support-sentiment-3f1c9a07be24"
    assert reference(measured, "flask") == name
    assert reference(make_manifest(), "flask") == f"{name}-local"


def test_labels_name_the_spec_the_version_and_the_base_s_digest(
    make_manifest: ManifestFactory,
) -> None:
    manifest = make_manifest()
    arguments = build_arguments(manifest, base_of("flask"))
    assert arguments["SPEC_DIGEST"] == manifest.spec_digest
    assert arguments["VERSION"] == manifest.version
    assert arguments["BASE_DIGEST"].startswith("sha256:")


def test_layers_are_weighed_in_the_image_s_order() -> None:
    """Also where the archive has them in another, and twice by a link."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as out:
        for name, body in (
            ("b/layer.tar", b"b" * 50_000),
            ("a/layer.tar", os.urandom(10_000)),
            ("manifest.json", b'[{"Layers": ["a/layer.tar", "b/layer.tar"]}]'),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(body)
            out.addfile(member, io.BytesIO(body))
    archive.seek(0)
    first, second = measure(archive)
    assert (first.size, second.size) == (10_000, 50_000)
    assert first.compressed > 10_000 > second.compressed
