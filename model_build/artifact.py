"""The directory a server loads, and the manifest that names its bytes."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from images.sources import server_digest
from manifest import SAVED_MODEL, Architecture, Engine, Manifest, Step, read_manifest
from model_build.sources import file_digest
from model_build.spec import Spec

_ARCHITECTURES: Mapping[str, Architecture] = {"x86_64": "x86_64", "aarch64": "arm64"}


def describe(
    spec: Spec,
    variant: str,
    *,
    files: Mapping[str, str],
    data_digest: str,
    engine: Engine = "litert",
) -> Manifest:
    """The manifest of one variant, not measured yet."""
    server = server_digest()
    return Manifest(
        name=spec.name,
        variant=variant,
        version=version_of(files, server, architecture()),
        spec_digest=spec.digest,
        data_digest=data_digest,
        server_digest=server,
        architecture=architecture(),
        task=spec.served_task,
        runtime=spec.serving.runtime,
        engine=engine,
        labels=spec.labels,
        lengths=spec.serving.lengths,
        max_batch=spec.serving.max_batch,
        files=files,
        steps=tuple(steps_to(spec, variant)),
    )


def steps_to(spec: Spec, variant: str) -> Sequence[Step]:
    """The passes between the checkpoint and `variant`, in order."""
    found: list[Step] = []
    wanted: str | None = variant
    for index in reversed(range(len(spec.passes))):
        step = spec.passes[index]
        if step.variant == wanted:
            settings = step.settings
            values = {f: getattr(settings, f) for f in settings.__struct_fields__}
            found.append(Step(step.variant, settings.name, values))
            wanted = spec.parent(index)
    return found[::-1]


def digests(directory: Path) -> dict[str, str]:
    """SHA-256 by path of every file under `directory`, in the order of the paths."""
    return {
        str(path.relative_to(directory)): file_digest(path)
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def architecture() -> Architecture:
    """This machine's, as container registries call it."""
    return _ARCHITECTURES[platform.machine()]


def version_of(files: Mapping[str, str], server: str, machine: Architecture) -> str:
    """The first 12 hexadecimal digits of the SHA-256 over all that an image holds."""
    text = json.dumps([dict(sorted(files.items())), server, machine])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def complete(exported: Manifest, directory: Path, added: Iterable[Path]) -> Manifest:
    """The manifest with files `added` to `directory`, and today's server and machine.

    An export is kept while its model does not change; what serves it may have.
    """
    new = {str(path.relative_to(directory)): file_digest(path) for path in added}
    files = {**exported.files, **new}
    server = server_digest()
    return replace(
        exported,
        files=files,
        server_digest=server,
        architecture=architecture(),
        version=version_of(files, server, architecture()),
    )


def combine(form: Path, export: Path, out: Path) -> Manifest:
    """Put the chosen engine's files and the export's SavedModel into `out`."""
    served, exported = (read_manifest(p / "manifest.json") for p in (form, export))
    saved = {
        path: digest
        for path, digest in exported.files.items()
        if path.startswith(f"{SAVED_MODEL}/")
    }
    publish(form, out, [path for path in served.files if path not in saved])
    publish(export, out, saved)
    return replace(served, files={**served.files, **saved})


def publish(directory: Path, out: Path, files: Iterable[str]) -> None:
    """Copy the artifact's files into `out`."""
    for name in files:
        target = out / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(directory / name, target)
