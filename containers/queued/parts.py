"""An object of JSON lines is answered in parts that outlive a kill."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

from boto3.s3.transfer import TransferConfig

from containers.flask.lines import Answered
from containers.object_streams import Stream
from containers.queued.store import Store, folder

BLOCK_BYTES = 1 << 20  # of the object, a request
_NAMES = ("answers", "errors")

# The few MiB that are read ahead of the network, however large an object becomes.
_TRANSFER = TransferConfig(max_concurrency=2, multipart_chunksize=8 << 20)


class PartsGoneError(Exception):
    """Parts were removed: the outcome stands that says where all answers are."""


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
            io.BufferedReader(Stream(self._bodies(name)), BLOCK_BYTES),
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
