"""The repository as commands read and write it: releases, specs and their history."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from manifest import Manifest, ManifestError, read_manifest
from stacks.settings.deployment import Deployment

ROOT = Path(__file__).parents[2]


class CommandError(ValueError):
    """What a person asked for cannot be done; the message is one line that says why."""


@dataclass(frozen=True)
class Checkout:
    """A working tree. `root` holds stacks/releases and model_build/specs."""

    root: Path = ROOT

    def release(self, stage: str, model: str) -> Path:
        return self.root / "stacks" / "releases" / stage / f"{model}.json"

    def spec(self, model: str) -> Path:
        return self.root / "model_build" / "specs" / f"{model}.toml"

    def spec_digest(self, model: str) -> str:
        """Return the SHA-256 of a model's spec as it is committed.

        A tree without a history, as a pipeline has, is taken to be. Raises CommandError
        where there is no spec.
        """
        path = self.spec(model)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from None
        committed = self._git("show", f"HEAD:./{path.relative_to(self.root)}")
        return hashlib.sha256(committed or content).hexdigest()

    def read(self, stage: str, model: str) -> Manifest | None:
        """Return a release, None while nothing was built. Raises ManifestError."""
        path = self.release(stage, model)
        return read_manifest(path) if path.exists() else None

    def write(self, stage: str, manifest: Manifest) -> Path:
        """Replace a release; a reader sees the earlier file or the whole new one."""
        path = self.release(stage, manifest.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(manifest.to_json())
            os.chmod(partial, 0o644)
            os.replace(partial, path)
        except BaseException:
            os.unlink(partial)
            raise
        return path

    def earlier(self, stage: str, model: str) -> Iterator[tuple[str, Manifest]]:
        """Yield commit and release, newest first; what cannot be read is left out."""
        path = self.release(stage, model)
        for commit, content in self._versions(path):
            try:
                yield commit, _parsed(content)
            except ManifestError:
                continue  # of a schema that this checkout does not deploy any more

    def spec_digests(self, model: str) -> set[str]:
        """Return the digest of every committed version of a model's spec."""
        contents = (content for _, content in self._versions(self.spec(model)))
        return {hashlib.sha256(content).hexdigest() for content in contents}

    def _versions(self, path: Path) -> Iterator[tuple[str, bytes]]:
        """Yield commit and content of a file, newest first; nothing without history."""
        name = path.relative_to(self.root)
        found = self._git("log", "--format=%H", "--", str(name))
        for commit in found.decode().split():
            content = self._git("show", f"{commit}:./{name}")
            if content:  # empty where that commit took the file away
                yield commit, content

    def _git(self, *arguments: str) -> bytes:
        command = ["git", "-C", str(self.root), *arguments]
        try:
            return subprocess.run(command, capture_output=True, check=False).stdout
        except FileNotFoundError:
            return b""


def _parsed(content: bytes) -> Manifest:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "manifest.json"
        path.write_bytes(content)
        return read_manifest(path)


def chosen_stage(what: Deployment, asked: str | None) -> str:
    """Return the stage asked for, or the first that is deployed. Raises CommandError."""
    if asked is None:
        order = [promotion.stage for promotion in what.delivery.promotions]
        return (order or [what.stages[0].name])[0]
    names = [stage.name for stage in what.stages]
    if asked not in names:
        raise CommandError(f"--stage: {asked!r} is not one of {', '.join(names)}")
    return asked


def models_of(what: Deployment, stage: str) -> tuple[str, ...]:
    """Return the models that a stage has endpoints for, once."""
    (found,) = (each for each in what.stages if each.name == stage)
    return tuple(dict.fromkeys(endpoint.model for endpoint in found.endpoints))


def runtimes_of(what: Deployment, stage: str, model: str) -> tuple[str, ...]:
    """Return what a stage runs a model by, once."""
    (found,) = (each for each in what.stages if each.name == stage)
    run = [each.runtime for each in found.endpoints if each.model == model]
    return tuple(dict.fromkeys(run))
