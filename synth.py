#!/usr/bin/env python3
"""What cdk.json runs: app.py, unless the assembly that is there was made from just this.

Synthesis is a function of the commit, the releases and the context, so an assembly whose
inputs and files have the digests it was left with is not made again. `rm -r cdk.out` has
it made anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import io
import json
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent
SEAL = "synthesized.json"  # in the assembly; the CLI does not look at it
NOT_MADE = ("__pycache__", "synth.lock", SEAL)  # the lock is the running CLI's

# What templates are made from, besides the releases.
SOURCES = ("app.py", "manifest.py", "stacks", "costs", "checks", "buildspecs")
SPECS = "model_build/specs"  # their [build] tables
SETTINGS = ("CDK_CONTEXT_JSON", "CDK_VALIDATION", "CDK_DEFAULT_ACCOUNT")


def main() -> int:
    out = Path(os.environ.get("CDK_OUTDIR", "cdk.out"))
    made = _inputs()
    if (found := _recognised(out, made)) is not None:
        print(found, end="", file=sys.stderr)
        return 0
    (out / SEAL).unlink(missing_ok=True)  # it would outlive a failure
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        status = _synthesize()
    print(said.getvalue(), end="", file=sys.stderr)
    if status == 0 and out.is_dir():
        seal = {"inputs": made, "files": _digest(_files(out)), "said": said.getvalue()}
        (out / SEAL).write_text(json.dumps(seal), encoding="utf-8")
    return status


def _synthesize() -> int:
    from app import main as synthesize  # two seconds, for those who need them

    return synthesize()


def _recognised(out: Path, made: str) -> str | None:
    """Return what the synthesis said, None where the assembly is not that of today."""
    try:
        seal = json.loads((out / SEAL).read_text(encoding="utf-8"))
        same = seal["inputs"] == made and seal["files"] == _digest(_files(out))
        return str(seal["said"]) if same else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _inputs() -> str:
    """Return the digest of all that a template can depend on."""
    context = json.loads(os.environ.get("CDK_CONTEXT_JSON") or "{}")
    releases = context.get("releases")
    folders = [*(ROOT / name for name in SOURCES), ROOT / SPECS]
    folders += [Path(releases)] if releases else []
    versions = [importlib.metadata.version("aws-cdk-lib"), platform.python_version()]
    settings = [os.environ.get(name) for name in SETTINGS]
    files = (file for folder in folders for file in _files(folder))
    return _digest(files, json.dumps([versions, settings]))


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    for file in sorted(path.rglob("*")):
        if file.is_file() and not set(NOT_MADE) & set(file.parts):
            yield file


def _digest(files: Iterator[Path], *more: str) -> str:
    total = hashlib.sha256(json.dumps(more).encode())
    for file in files:
        total.update(
            f"{file}\n{hashlib.sha256(file.read_bytes()).hexdigest()}".encode()
        )
    return total.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
