from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from images.running import Container, running
from manifest import Manifest, read_manifest

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests/containers/tiny"
NEEDED = ("podman", "runc", "debootstrap", "docker-registry")


@dataclass(frozen=True)
class Built:
    """The image of the tiny artifact, and what the baker said of it."""

    reference: str
    said: dict[str, Any]
    files: Path  # its root, mounted to be read


@pytest.fixture(scope="session")
def podman() -> str:
    """Podman where it can build here, set up for machines without systemd."""
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    missing = [name for name in NEEDED if shutil.which(name, path=path) is None]
    if missing or os.geteuid() != 0:
        why = f"{', '.join(missing)} not installed" if missing else "not root"
        pytest.skip(f"{why}: .ci/packages, as root on Debian, installs what is needed")
    os.environ["PATH"] = path
    os.environ.setdefault("CONTAINERS_CONF", str(ROOT / ".ci/containers.conf"))
    os.environ.setdefault("BUILDAH_ISOLATION", "chroot")
    return "podman"


@pytest.fixture(scope="session")
def stand_in(podman: str) -> str:
    """A base with Debian's Python: no registry need be reached."""
    made = subprocess.run(
        [".ci/stand-in"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    return made.stdout.strip()


def bake(folder: Path, artifact: Path, base: str) -> dict[str, Any]:
    """Bake the flask image with the sources of `folder`, as a person would."""
    command = [sys.executable, "-m", "images", str(artifact), "--engine", "podman"]
    done = subprocess.run(
        [*command, "--runtime", "flask", "--base", base, "--json"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (image,) = json.loads(done.stdout)
    return dict(image)


@pytest.fixture(scope="session")
def image(stand_in: str) -> Iterator[Built]:
    said = bake(ROOT, TINY, stand_in)
    mounted = subprocess.check_output(
        ["podman", "image", "mount", said["reference"]], text=True
    )
    yield Built(said["reference"], said, Path(mounted.strip()))
    subprocess.run(
        ["podman", "image", "unmount", said["reference"]],
        stdout=subprocess.DEVNULL,
        check=True,
    )


@pytest.fixture(scope="session")
def tiny() -> Manifest:
    return read_manifest(TINY / "manifest.json")


@pytest.fixture(scope="module")
def server(image: Built) -> Iterator[Container]:
    """One hardened container with half a core, for tests that leave it as it was."""
    with running("podman", image.reference, vcpu=0.5) as container:
        container.wait_ready()
        yield container
