"""Objects of S3 as files: read a block at a time, written as they are made."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import HTTPClientError, IncompleteReadError

_CUTS = 4  # of a block's answer, before it is given up


class ObjectReader(io.RawIOBase):
    """An object's bytes from a place on, each block by a request of its own.

    Not one answer for all: whoever reads is as slow as an engine, and S3 closes such
    connections. Raises what boto3 raises; 412 if it has become another object.
    """

    def __init__(
        self, client: Any, *, bucket: str, key: str, etag: str, offset: int = 0
    ) -> None:
        self._client, self._offset = client, offset
        self._object = {"Bucket": bucket, "Key": key, "IfMatch": etag}
        self._size: int | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._size is None:
            found = self._client.head_object(**self._object)
            self._size = int(found["ContentLength"])
        size = min(len(buffer), self._size - self._offset)
        if size <= 0:
            return 0
        block = self._fetch(f"bytes={self._offset}-{self._offset + size - 1}")
        buffer[: len(block)] = block
        self._offset += len(block)
        return len(block)

    def _fetch(self, places: str) -> bytes:
        """Return those bytes; boto3 does not ask again where an answer was cut."""
        for cuts in range(_CUTS + 1):
            answer = self._client.get_object(**self._object, Range=places)
            try:
                return bytes(answer["Body"].read())
            except (HTTPClientError, IncompleteReadError):
                if cuts == _CUTS:
                    raise
        raise AssertionError("the last attempt returned or raised")


class Stream(io.RawIOBase):
    """A file of what an iterator yields, one of which is held."""

    def __init__(self, content: Iterator[bytes]) -> None:
        self._content = content
        self._held = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._held:
            if (found := next(self._content, None)) is None:
                return 0
            self._held = memoryview(found)
        size = min(len(buffer), len(self._held))
        buffer[:size], self._held = self._held[:size], self._held[size:]
        return size
