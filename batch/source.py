"""The file of instances: which one it is, and its lines from any part on."""

from __future__ import annotations

import gzip
import io
import stat
import zlib
from collections.abc import Generator
from pathlib import Path
from typing import Any, NamedTuple

from containers.flask.lines import Chunk, read_chunks

_BOM = b"\xef\xbb\xbf"
_BUFFER_BYTES = 1 << 18
_SAMPLE_BYTES = 1 << 20


class SourceError(Exception):
    """Why a file cannot be read, in one line."""


class Identity(NamedTuple):
    """What tells a file from another, and from itself after a change."""

    size_bytes: int
    modified_ns: int


class Source:
    """A file of JSON lines, compressed if its name ends in .gz."""

    def __init__(self, path: Path) -> None:
        """Raises SourceError where there is no file that can be read."""
        self._path = path
        self._file: io.FileIO | None = None
        try:
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):
                raise SourceError(f"{path}: not a regular file")
            path.open("rb").close()
        except OSError as error:
            raise SourceError(f"{path}: {error.strerror}") from error
        self.identity = Identity(found.st_size, found.st_mtime_ns)

    @property
    def share_read(self) -> float:
        """How much of the file, as it lies on the disk, has been read: 0 to 1."""
        if self._file is None:
            return 0.0
        return 1.0 if self._file.closed else self._share(self._file.tell())

    def about_lines(self) -> float:
        """Estimate how many lines it has from the first of them; raises SourceError."""
        lines, share = 0, 0.0
        chunks = self.chunks(part_bytes=_SAMPLE_BYTES)
        for chunk in chunks:
            lines += len(chunk.lines)
            share = self.share_read if self._is_zipped else self._share(chunk.end)
            if chunk.ends_part:
                break
        chunks.close()
        return lines / share if share else 0.0

    def chunks(
        self, *, part_bytes: int, offset: int = 0, first: int = 1
    ) -> Generator[Chunk]:
        """Yield the lines from an offset on, which is counted without compression.

        Raises SourceError if the file cannot be read on, or was changed meanwhile.
        """
        try:
            with io.FileIO(self._path) as self._file:
                lines = self._open(self._file, offset)
                if not offset and lines.peek(len(_BOM)).startswith(_BOM):
                    offset = len(lines.read(len(_BOM)))
                yield from read_chunks(
                    lines, part_bytes=part_bytes, offset=offset, first=first
                )
                self._check()
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise SourceError(
                f"{self._path}: not a whole gzip file: {error}"
            ) from error
        except OSError as error:
            raise SourceError(f"{self._path}: {error.strerror}") from error

    @property
    def _is_zipped(self) -> bool:
        return self._path.suffix == ".gz"

    def _share(self, read_bytes: int) -> float:
        return read_bytes / (self.identity.size_bytes or 1)

    def _open(self, file: io.FileIO, offset: int) -> io.BufferedReader[Any]:
        raw: Any = gzip.GzipFile(fileobj=file) if self._is_zipped else file
        lines = io.BufferedReader(raw, _BUFFER_BYTES)
        lines.seek(offset)
        return lines

    def _check(self) -> None:
        found = self._path.stat()
        if Identity(found.st_size, found.st_mtime_ns) != self.identity:
            raise SourceError(f"{self._path}: was changed while it was read")
