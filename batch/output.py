"""The file of answers, and what lies beside it until it is whole.

OUT.errors.jsonl says which lines have no answer, OUT.run.json what OUT is made from;
OUT.parts/ is there while a run goes on, or after it was killed.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path

from batch.parts import ANSWERS, ERRORS, Parts
from batch.record import Record, RefusedError, read_record, same, write_json


class Output:
    """One run's output; while it is open, no other run writes it."""

    def __init__(self, out: Path, parts: Parts) -> None:
        self._out = out
        self._errors = errors_of(out)
        self._record = record_of(out)
        self.parts = parts

    def begin(self, wanted: Record, *, is_fresh: bool) -> Record:
        """Return the record of what is gone on with, or already whole.

        Raises RefusedError where something lies there that was not made from the same.
        """
        found = read_record(self._record) if not is_fresh else None
        if found is None and self._out.exists() and not is_fresh:
            raise RefusedError(f"{self._out}: is there; --fresh writes it anew")
        if found is not None:
            same(self._record, found, wanted)
            if not found.is_whole or self._out.exists():
                return found
        # Anew: it is asked for, or the output was taken away, or nothing is there.
        self.parts.remove()
        for path in (self._errors, self._out):
            path.unlink(missing_ok=True)
        write_json(self._record, asdict(wanted))
        return wanted

    def finish(self, record: Record) -> Record:
        """Put the parts together, all of which are there; return the whole's record."""
        self.parts.join(ERRORS, self._errors)
        self.parts.join(ANSWERS, self._out)
        last = self.parts.last()
        whole = replace(record, lines=last.lines, error_lines=last.error_lines)
        write_json(self._record, asdict(whole))
        return whole


@contextmanager
def open_output(out: Path) -> Iterator[Output]:
    """Give the output to this process; raises RefusedError if another one has it."""
    folder = _beside(out, ".parts")
    if out.is_dir():
        raise RefusedError(f"{out}: is a directory")
    try:
        folder.mkdir(exist_ok=True)
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise RefusedError(f"{folder}: {error.strerror}") from error
    try:
        _lock(number, out)
        yield Output(out, Parts(folder, is_zipped=out.suffix == ".gz"))
        with suppress(OSError):
            folder.rmdir()  # if nothing is left to go on with
    finally:
        os.close(number)


def _lock(number: int, out: Path) -> None:
    """Held until the process ends, however it does."""
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise RefusedError(f"{out}: another run is writing it") from None


def errors_of(out: Path) -> Path:
    return _beside(out, ".errors.jsonl")


def record_of(out: Path) -> Path:
    return _beside(out, ".run.json")


def _beside(out: Path, suffix: str) -> Path:
    return out.with_name(f"{out.name}{suffix}")
