"""Parts of an output until it is whole: each on the disk, or not there.

A folder a part: its answers, its errors, and part.json. It has its number for a name
once all of it is on the disk, so a kill loses the part that is being written, no more.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from batch.record import RefusedError, read_json, settle, write_json
from containers.flask.lines import Answered, Chunk

ANSWERS, ERRORS = "answers", "errors"
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Part:
    """A finished part; the counts are from the beginning of the input on."""

    lines: int
    error_lines: int
    end: int  # bytes of the input before the next part's first line
    ends_file: bool
    sha256: dict[str, str]  # of its two files


NOTHING = Part(0, 0, 0, False, {})  # before the first


class Parts:
    """The finished parts in a folder, and the one that is being written."""

    def __init__(self, folder: Path, *, is_zipped: bool) -> None:
        """`is_zipped`: answers are members of a gzip file, which may be joined."""
        self._folder = folder
        self._is_zipped = is_zipped
        self._unfinished = folder / "unfinished"
        self._writing: _Writing | None = None

    def last(self) -> Part:
        """Return the last part that is finished, as all before it are; or NOTHING."""
        folders = self._finished()
        return _read(folders[-1]) if folders else NOTHING

    def add(self, answered: Answered) -> None:
        """Take the next answers; after a part's last ones, it is finished."""
        chunk = answered.chunk
        if self._writing is None:
            self._writing = _Writing(self._clear(), self._is_zipped, self.last())
        self._writing.add(answered)
        if chunk.ends_part:
            self._writing.finish(chunk)
            os.rename(self._unfinished, self._folder / f"{chunk.part:09}")
            settle(self._folder)
            self._writing = None

    def join(self, name: str, target: Path) -> None:
        """Put the parts' files of that name together, in the place of `target`.

        Raises RefusedError where a part is not what was written.
        """
        joined = self._folder / "joined"
        with joined.open("wb") as file:
            for folder in self._finished():
                if _append(folder / name, file) != _read(folder).sha256[name]:
                    raise RefusedError(
                        f"{folder / name}: not what was written; begin anew with --fresh"
                    )
        settle(joined)
        os.replace(joined, target)
        settle(target.parent)

    def remove(self) -> None:
        """Remove every part, the last first: what a kill leaves can be gone on with."""
        for folder in reversed(self._finished()):
            os.rename(folder, self._clear() / "removed")
        shutil.rmtree(self._unfinished, ignore_errors=True)
        (self._folder / "joined").unlink(missing_ok=True)

    def _clear(self) -> Path:
        """Return an empty folder for what nobody goes on with."""
        shutil.rmtree(self._unfinished, ignore_errors=True)
        self._unfinished.mkdir()
        return self._unfinished

    def _finished(self) -> list[Path]:
        return sorted(path for path in self._folder.iterdir() if path.name.isdigit())


class _Writing:
    """A part's files while they grow."""

    def __init__(self, folder: Path, is_zipped: bool, before: Part) -> None:
        self._folder = folder
        self._lines, self._error_lines = before.lines, before.error_lines
        self._answers = (folder / ANSWERS).open("wb")
        self._errors = (folder / ERRORS).open("wb")
        self._into: BinaryIO | gzip.GzipFile = self._answers
        if is_zipped:  # without name and time: the same answers are the same bytes
            self._into = gzip.GzipFile("", "wb", 6, self._answers, mtime=0)

    def add(self, answered: Answered) -> None:
        self._into.write(answered.answers)
        self._errors.write(answered.errors)
        self._lines += len(answered.chunk.lines)
        self._error_lines += answered.error_lines

    def finish(self, chunk: Chunk) -> None:
        for file in (self._into, self._answers, self._errors):
            file.close()
        for name in (ANSWERS, ERRORS):
            settle(self._folder / name)
        part = Part(
            self._lines,
            self._error_lines,
            chunk.end,
            chunk.ends_file,
            {name: _sha256(self._folder / name) for name in (ANSWERS, ERRORS)},
        )
        write_json(self._folder / "part.json", asdict(part))


def _read(folder: Path) -> Part:
    path = folder / "part.json"
    try:
        return Part(**read_json(path))
    except (TypeError, ValueError, FileNotFoundError) as error:
        raise RefusedError(
            f"{path}: not what was written: {error}; begin anew with --fresh"
        ) from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _append(path: Path, to: BinaryIO) -> str:
    """Copy a file to the end of another; return the digest of what was copied."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
            to.write(block)
    return digest.hexdigest()
