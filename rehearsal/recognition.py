"""A rehearsal is known again by a digest of all that could change its outcome."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rehearsal.account import RehearsalError
from rehearsal.cdk import CdkCli
from rehearsal.result import SCHEMA, Rehearsal, from_json

# Whatever app.py may read or import, what pins the tools, and this package.
_FILES = ("*.py", "*.json", "requirements*.txt")
_FOLDERS = ("stacks", "costs")
_PACKAGES = ("aws-cdk-lib", "boto3", "constructs", "jsii", "ministack")


def digest(
    root: Path, cli: CdkCli, releases: Path, assembly: Path | None, how: Sequence[str]
) -> str:
    """Return the SHA-256 of stacks, releases, tools and the rehearsal itself.

    `how` is what else was asked for. Stacks are the files of the assembly; without one, those it would be made from.
    """
    total = hashlib.sha256()
    sources = [root / "manifest.py", *_sources(root / "rehearsal")]
    given = [("release", releases)]
    if assembly:
        given.append(("assembly", assembly))
    else:
        sources += [path for pattern in _FILES for path in root.glob(pattern)]
        sources += [path for folder in _FOLDERS for path in _sources(root / folder)]
    for path in sorted(set(sources)):
        _add(total, f"source {path.relative_to(root)}", path.read_bytes())
    for kind, folder in given:
        for path in sorted(_files(folder)):
            _add(total, f"{kind} {path.relative_to(folder)}", path.read_bytes())
    _add(total, "tools", json.dumps([*how, *_tools(cli)]).encode())
    return total.hexdigest()


def recognised(file: Path, expected: str) -> Rehearsal | None:
    """Return the result in the file if it passed on exactly this input, else None."""
    try:
        saved = from_json(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    known = (saved.schema, saved.digest) == (SCHEMA, expected)
    return saved if known and saved.passed else None


def _tools(cli: CdkCli) -> Iterator[str]:
    yield platform.python_version()
    try:
        yield from (f"{name} {version(name)}" for name in _PACKAGES)
    except PackageNotFoundError as error:
        raise RehearsalError(
            f"{error.name}: not installed for {sys.executable}; `make install` does it"
        ) from error
    yield (cli.script.parents[1] / "package.json").read_text(encoding="utf-8")
    yield subprocess.run(
        [cli.node, "--version"], capture_output=True, text=True, check=False
    ).stdout


def _sources(folder: Path) -> Iterable[Path]:
    return (
        path
        for path in _files(folder)
        if "__pycache__" not in path.parts and "releases" not in path.parts
    )


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _add(total: Any, name: str, content: bytes) -> None:
    """Lengths first, so that no two lists of files run into the same bytes."""
    for part in (name.encode(), content):
        total.update(len(part).to_bytes(8, "big") + part)
