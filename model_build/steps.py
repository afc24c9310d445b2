"""Finished work, kept by digest: a build that was killed goes on where it was."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_build.progress import Progress

ROOT = Path(__file__).parent


@dataclass(frozen=True)
class Done:
    """The directory a finished step left, and the digest that names its content."""

    path: Path
    digest: str


@dataclass(frozen=True)
class Steps:
    """Steps under one directory; each is there whole or not at all."""

    root: Path
    progress: Progress

    def run(
        self,
        name: str,
        inputs: Any,
        sources: Iterable[str],
        make: Callable[[Path], None],
    ) -> Done:
        """Return the step for these inputs, making it if it is not there yet.

        `inputs` is JSON; `sources` are our own files whose change asks for the work
        to be done again. `make` fills a new directory, which appears under its
        final name only once it is complete.
        """
        digest = _digest([name, inputs, [_source(file) for file in sources]])
        final = self.root / f"{name}-{digest[:12]}"
        if final.is_dir():
            self.progress.say(f"{name}: recognised {digest[:12]}, nothing to do")
            return Done(final, digest)
        self.progress.say(f"{name}: {digest[:12]}")
        for stale in self.root.glob(f".{name}-*"):
            shutil.rmtree(stale)
        partial = self.root / f".{name}-{digest[:12]}"
        partial.mkdir(parents=True)
        make(partial)
        _sync(partial)
        os.replace(partial, final)
        return Done(final, digest)


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _source(file: str) -> str:
    return hashlib.sha256((ROOT / file).read_bytes()).hexdigest()


def _sync(directory: Path) -> None:
    """After a power cut a renamed directory must not hold empty files."""
    for path in directory.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
