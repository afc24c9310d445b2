"""Finished work, kept by digest: a build that was killed goes on where it was."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from model_build.machine import peak_mib, reset_peak
from model_build.progress import Progress
from model_build.sources import file_digest

ROOT = Path(__file__).parent
SEAL = ".sha256.json"  # of every file that the step left
TOOK = ".took.json"
KEPT = "-kept"


@dataclass(frozen=True)
class Took:
    """What a step took from its start to its end, of one process."""

    seconds: float
    peak_mib: float | None  # of resident memory; None where nobody can say


@dataclass(frozen=True)
class Done:
    """The directory a finished step left, and the digest that names its content."""

    path: Path
    digest: str

    @property
    def took(self) -> Took | None:
        """None where it was made in several goes: its whole was never measured."""
        path = self.path / TOOK
        return Took(**json.loads(path.read_bytes())) if path.is_file() else None


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
            if _whole(final):
                self.progress.say(f"{name}: recognised {digest[:12]}, nothing to do")
                return Done(final, digest)
            self.progress.say(f"{name}: {digest[:12]} is damaged, made again")
            shutil.rmtree(final)
        self.progress.say(f"{name}: {digest[:12]}")
        for stale in self.root.glob(f".{name}-*"):
            if stale.name != f".{name}-{digest[:12]}{KEPT}":
                shutil.rmtree(stale)
        partial = self.root / f".{name}-{digest[:12]}"
        partial.mkdir(parents=True)
        goes_on = partial.with_name(partial.name + KEPT).is_dir()
        begun = time.monotonic()
        reset_peak()
        make(partial)
        if not goes_on:
            took = Took(time.monotonic() - begun, peak_mib())
            (partial / TOOK).write_text(json.dumps(asdict(took)), encoding="utf-8")
        (partial / SEAL).write_text(json.dumps(_files(partial)), encoding="utf-8")
        _sync(partial)
        os.replace(partial, final)
        return Done(final, digest)

    @contextmanager
    def kept(self, partial: Path) -> Iterator[Path]:
        """Give a step that is being made a directory that outlives a killed build.

        It is the same when the step is made again for the same inputs, and gone once
        the block ends well.
        """
        directory = partial.with_name(partial.name + KEPT)
        directory.mkdir(exist_ok=True)
        yield directory
        shutil.rmtree(directory)


def _whole(directory: Path) -> bool:
    """Whether every file is there as the step left it."""
    try:
        sealed = json.loads((directory / SEAL).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(sealed == _files(directory))


def _files(directory: Path) -> dict[str, str]:
    return {
        str(path.relative_to(directory)): file_digest(path)
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != SEAL
    }


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
