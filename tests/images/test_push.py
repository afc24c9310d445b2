"""What a registry is sent: a real one, on loopback."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.images.conftest import ROOT, TINY, Built, bake

pytestmark = pytest.mark.container

CONFIG = """\
version: 0.1
log: {{level: error}}
storage:
  filesystem: {{rootdirectory: {folder}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@dataclass(frozen=True)
class Registry:
    """Debian's docker-registry, and the folder that it keeps blobs in."""

    host: str
    folder: Path

    def push(self, reference: str) -> str:
        """Push an image and return its name here."""
        name = f"{self.host}/{reference}"
        command = ["podman", "push", "--quiet", "--tls-verify=false", reference, name]
        subprocess.run(command, check=True, capture_output=True)
        return name

    def blobs(self) -> dict[str, int]:
        """Bytes by digest of everything that was ever sent."""
        found = self.folder.rglob("blobs/sha256/*/*/data")
        return {path.parent.name: path.stat().st_size for path in found}

    def layers(self, reference: str) -> list[str]:
        """Digests of an image's layers, the first one first."""
        repository, _, tag = reference.rpartition(":")
        folder = self.folder / "docker/registry/v2/repositories" / repository
        link = (folder / f"_manifests/tags/{tag}/current/link").read_text()
        digest = link.removeprefix("sha256:")
        blobs = self.folder / "docker/registry/v2/blobs/sha256"
        manifest = json.loads((blobs / digest[:2] / digest / "data").read_text())
        return [layer["digest"].removeprefix("sha256:") for layer in manifest["layers"]]


@pytest.fixture(scope="module")
def registry(
    podman: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Registry]:
    folder = tmp_path_factory.mktemp("registry")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    config = folder / "config.yml"
    config.write_text(CONFIG.format(folder=folder / "blobs", port=port))
    process = subprocess.Popen(
        ["docker-registry", "serve", str(config)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(port)
        yield Registry(f"127.0.0.1:{port}", folder / "blobs")
    finally:
        process.terminate()
        process.wait(10)


def _wait(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("docker-registry does not listen")


def test_a_change_of_code_uploads_code(
    image: Built, registry: Registry, stand_in: str, tmp_path: Path
) -> None:
    registry.push(image.reference)
    before = registry.blobs()
    for name in ("containers", "images"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copyfile(ROOT / "manifest.py", tmp_path / "manifest.py")
    with (tmp_path / "containers/flask/app.py").open("a") as file:
        file.write('\nCHANGED = "by this test"\n')
    # As another day's tag: the same one would take the first image's place.
    subprocess.run(["podman", "tag", image.reference, "localhost/first:1"], check=True)
    changed = bake(tmp_path, TINY, stand_in)["reference"]
    subprocess.run(["podman", "tag", changed, "localhost/second:1"], check=True)
    subprocess.run(["podman", "tag", "localhost/first:1", image.reference], check=True)
    registry.push("localhost/second:1")
    sent = {d: size for d, size in registry.blobs().items() if d not in before}
    assert 0 < sum(sent.values()) < 5_000_000
    first = registry.layers(image.reference)
    second = registry.layers("localhost/second:1")
    same = [a == b for a, b in zip(first, second, strict=True)]
    assert same == [True, True, False, False, True, True]  # code, its bill of materials


def test_the_compressed_size_is_near_what_the_registry_keeps(
    image: Built, registry: Registry
) -> None:
    """Engines compress at levels of their own."""
    registry.push(image.reference)
    blobs = registry.blobs()
    kept = sum(blobs[digest] for digest in registry.layers(image.reference))
    assert image.said["compressed"] == pytest.approx(kept, rel=0.1)
