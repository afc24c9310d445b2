"""An object of JSON lines: read as it comes, answered in parts that outlive a kill."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from boto3.s3.transfer import TransferConfig

from containers.flask.lines import Answered
from containers.queued.store import Store, folder
from containers.queued.submission import Source

BLOCK_BYTES = 1 << 20  # of the object, a request
_NAMES = ("answers", "errors")

# The few MiB that are read ahead of the network, however large an object becomes.
_TRANSFER = TransferConfig(max_concurrency=2, multipart_chunksize=8 << 20)


class PartsGoneError(Exception):
    """Parts were removed: the outcome stands that says where all answers are."""


class SourceReader(io.RawIOBase):
    """Reads an object from a place on, a block at a time.

    Raises what boto3 raises; 412 if the object is not what was submitted any more.
    """

    def __init__(self, client: Any, source: Source, offset: int) -> None:
        self._client, self._source, self._offset = client, source, offset
        self._size: int | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        source = self._source
        if self._size is None:
            found = self._client.head_object(
                Bucket=source.bucket, Key=source.key, IfMatch=source.etag
            )
            self._size = int(found["ContentLength"])
        if self._offset >= self._size:
            return 0
        last = min(self._offset + len(buffer), self._size) - 1
        body = self._client.get_object(
            Bucket=source.bucket,
            Key=source.key,
            IfMatch=source.etag,
            Range=f"bytes={self._offset}-{last}",
        )["Body"].read()
        buffer[: len(body)] = body
        self._offset += len(body)
        return len(body)


@dataclass(frozen=True)
class Reached:
    """What the parts before some place have of the source."""

    parts: int = 0
    end: int = 0  # bytes
    lines: int = 0
    errors: int = 0
    is_whole: bool = False


class Parts:
    """The answered parts of one source, in the bucket.

    A part is written once, whoever writes it first: what two workers make of a source
    has each part from one of them. Another version of the model begins anew.
    """

    def __init__(self, store: Store, id_: str, version: str) -> None:
        self._store = store
        self._folder = f"{folder(id_)}/parts/{version}"
        # Of this attempt alone: a slower one must not write over what was told of.
        self._whole = f"{folder(id_)}/{version}/{uuid4().hex[:12]}"
        self._answers, self._errors = bytearray(), bytearray()
        self.reached = Reached()

    def resume(self) -> Reached:
        """Find the last part that is there."""
        pages = self._store.client.get_paginator("list_objects_v2").paginate(
            Bucket=self._store.bucket, Prefix=f"{self._folder}/answers-"
        )
        keys = [each["Key"] for page in pages for each in page.get("Contents", ())]
        if keys:
            found = self._store.client.head_object(
                Bucket=self._store.bucket, Key=max(keys)
            )["Metadata"]
            self.reached = Reached(
                parts=int(found["parts"]),
                end=int(found["end"]),
                lines=int(found["lines"]),
                errors=int(found["errors"]),
                is_whole=found["whole"] == "true",
            )
        return self.reached

    def add(self, answered: Answered) -> None:
        """Keep a chunk's answers; write the part that it ends."""
        chunk, before = answered.chunk, self.reached
        self._answers += answered.answers
        self._errors += answered.errors
        self.reached = Reached(
            parts=before.parts + chunk.ends_part,
            end=chunk.end,
            lines=before.lines + len(chunk.lines),
            errors=before.errors + answered.error_lines,
            is_whole=chunk.ends_file,
        )
        if chunk.ends_part:
            self._write()

    def _write(self) -> None:
        """The errors first: a part is there once its answers are."""
        said = {
            name: str(value).lower()
            for name, value in (
                ("parts", self.reached.parts),
                ("end", self.reached.end),
                ("lines", self.reached.lines),
                ("errors", self.reached.errors),
                ("whole", self.reached.is_whole),
            )
        }
        number = self.reached.parts - 1
        self._store.put_once(self._key("errors", number), bytes(self._errors))
        self._store.put_once(
            self._key("answers", number), bytes(self._answers), Metadata=said
        )
        self._answers.clear()
        self._errors.clear()

    def join(self) -> dict[str, str]:
        """Write all answers, and the errors among them; return where they lie.

        Raises PartsGoneError if somebody else has joined them meanwhile.
        """
        return {name: self._join(name) for name in _NAMES}

    def _join(self, name: str) -> str:
        key = f"{self._whole}/{name}.jsonl"
        self._store.client.upload_fileobj(
            io.BufferedReader(_Joined(self._bodies(name)), BLOCK_BYTES),
            self._store.bucket,
            key,
            Config=_TRANSFER,
        )
        return f"s3://{self._store.bucket}/{key}"

    def _bodies(self, name: str) -> Iterator[bytes]:
        for number in range(self.reached.parts):
            body = self._store.get(self._key(name, number))
            if body is None:
                raise PartsGoneError
            yield body

    def remove(self) -> None:
        """Remove the parts, once they are joined and that is written down."""
        keys = [
            self._key(name, number)
            for name in _NAMES
            for number in range(self.reached.parts)
        ]
        for start in range(0, len(keys), 1000):
            objects = [{"Key": key} for key in keys[start : start + 1000]]
            self._store.client.delete_objects(
                Bucket=self._store.bucket, Delete={"Objects": objects, "Quiet": True}
            )

    def _key(self, name: str, number: int) -> str:
        return f"{self._folder}/{name}-{number:05}"


class _Joined(io.RawIOBase):
    """Bodies one after another, of which one is held."""

    def __init__(self, bodies: Iterator[bytes]) -> None:
        self._bodies = bodies
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            body = next(self._bodies, None)
            if body is None:
                return 0
            self._rest = memoryview(body)
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
