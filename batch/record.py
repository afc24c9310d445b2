"""What a run keeps about itself, as JSON that is whole or not there."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any


class RefusedError(Exception):
    """Why an output is not written or not gone on with, in one line."""


@dataclass(frozen=True)
class Record:
    """What decides every byte of an output; and once it is whole, how much it is."""

    input_bytes: int
    input_modified_ns: int
    model: str
    version: str
    id_field: str
    part_bytes: int
    lines: int | None = None  # None: it is not whole
    error_lines: int | None = None

    @property
    def is_whole(self) -> bool:
        return self.lines is not None


def read_record(path: Path) -> Record | None:
    """Return the record of an output; raises RefusedError where it is no such thing."""
    try:
        return Record(**read_json(path))
    except FileNotFoundError:
        return None
    except (TypeError, ValueError) as error:
        raise RefusedError(f"{path}: not what a run has written: {error}") from error


def same(path: Path, found: Record, wanted: Record) -> None:
    """Raises RefusedError saying what an output that lies there was made from instead."""
    begun = asdict(replace(found, lines=None, error_lines=None))
    for field in fields(Record):
        before, now = begun[field.name], getattr(wanted, field.name)
        if before != now:
            raise RefusedError(
                f"{path}: {field.name} was {before!r}, is {now!r}: "
                "go on with the same, or begin anew with --fresh"
            )


def read_json(path: Path) -> dict[str, Any]:
    """Raises ValueError where it is not JSON, OSError where it is not there."""
    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return value


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write a file that is on the disk when this returns, and never half of it."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(json.dumps(value) + "\n", encoding="utf-8")
    settle(new)
    os.replace(new, path)
    settle(path.parent)


def settle(path: Path) -> None:
    """Wait until a file's bytes, or a folder's names, are on the disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
