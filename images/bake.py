"""From an artifact to images: one a runtime that the artifact holds files for."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from images.engine import BakeError, Engine, output
from images.layers import Layer, measure
from images.sources import ROOT, base_of, fill, pinned, server_digest
from manifest import Architecture, Manifest, Runtime

PLATFORMS: Mapping[Architecture, str] = {
    "x86_64": "linux/amd64",
    "arm64": "linux/arm64",
}


@dataclass(frozen=True)
class Image:
    """What was built. `size` and `compressed` are bytes; layers are from the first."""

    runtime: Runtime
    reference: str
    base: str
    layers: tuple[Layer, ...]

    @property
    def size(self) -> int:
        return sum(layer.size for layer in self.layers)

    @property
    def compressed(self) -> int:
        return sum(layer.compressed for layer in self.layers)


def reference(manifest: Manifest, runtime: Runtime) -> str:
    """Return repository and tag as the registry of a deployment has them.

    A tag names exact bytes: where the server's sources are not those that the model
    was measured with, the tag says that the image is this machine's only.
    """
    suffix = "" if server_digest() == manifest.server_digest else "-local"
    return f"lathe/{manifest.name}/{runtime}:{manifest.image_tag}{suffix}"


def bake(
    artifact: Path, manifest: Manifest, runtime: Runtime, engine: Engine, base: str = ""
) -> Image:
    """Build one image and weigh it. Raises BakeError, in one line."""
    base = base or base_of(runtime)
    tag = reference(manifest, runtime)
    engine.pull(base)
    with tempfile.TemporaryDirectory(prefix="lathe-") as folder:
        context = Path(folder)
        try:
            fill(context, artifact, manifest)
        except OSError as error:
            raise BakeError(f"{error.filename}: {error.strerror}") from error
        engine.build(
            context,
            context / "containers" / runtime / "Dockerfile",
            tag,
            PLATFORMS[manifest.architecture],
            build_arguments(manifest, base),
        )
    return _weighed(runtime, tag, base, engine)


def bake_function(
    manifest: Manifest, served: Image, engine: Engine, adapter: str = ""
) -> Image:
    """Build the image of a function of Lambda on the one that serves, and weigh it.

    Raises BakeError, in one line.
    """
    adapter = adapter or pinned("ADAPTER", "function")
    tag = f"{served.reference}-function"
    engine.pull(adapter)
    with tempfile.TemporaryDirectory(prefix="lathe-") as folder:
        engine.build(
            Path(folder),
            ROOT / "containers/function/Dockerfile",
            tag,
            PLATFORMS[manifest.architecture],
            {"BASE": served.reference, "ADAPTER": adapter},
        )
    return _weighed(served.runtime, tag, served.reference, engine)


def _weighed(runtime: Runtime, tag: str, base: str, engine: Engine) -> Image:
    with engine.save(tag) as saving:
        layers = tuple(measure(output(saving)))
    return Image(runtime, tag, base, layers)


def build_arguments(manifest: Manifest, base: str) -> dict[str, str]:
    """Return what the Dockerfiles take, most of it for labels."""
    return {
        "BASE": base,
        "BASE_DIGEST": base.partition("@")[2],
        "ARTIFACT": "dist",
        "ENGINE": manifest.engine,
        "NAME": manifest.name,
        "VERSION": manifest.version,
        "SPEC_DIGEST": manifest.spec_digest,
    }
