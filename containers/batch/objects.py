"""Objects of S3 as a batch reads and writes them."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from containers.object_streams import ObjectReader, Stream

BLOCK_BYTES = 8 << 20  # a request, in and out: what a task holds of an object
_ADDRESS = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.*)", re.DOTALL)
_TRANSFER = TransferConfig(
    multipart_threshold=BLOCK_BYTES,
    multipart_chunksize=BLOCK_BYTES,
    use_threads=False,  # the cores are the engine's
)


class ObjectError(Exception):
    """What of a bucket cannot be read or written and why, in one line."""


@dataclass(frozen=True)
class Address:
    """An object, or all those whose keys begin so."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def __truediv__(self, name: str) -> Address:
        return Address(self.bucket, f"{self.key.rstrip('/')}/{name}".lstrip("/"))


def read_address(text: str) -> Address:
    """Raises ValueError where it is not s3://BUCKET/KEY."""
    if (found := _ADDRESS.fullmatch(text)) is None:
        raise ValueError(f"{text!r} is not s3://BUCKET/KEY")
    return Address(*found.groups())


@dataclass(frozen=True)
class Found:
    """One object as it was listed: its tag changes with its bytes."""

    address: Address
    size_bytes: int
    tag: str

    @property
    def is_zipped(self) -> bool:
        return self.address.key.endswith(".gz")


class Objects:
    """Reads and writes; every failure is an ObjectError that names the object."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def list(self, address: Address) -> list[Found]:
        """Return the objects at an address or below it, by key.

        A key that names an object is that object alone. Objects without a byte are none.
        """
        every = [
            Found(Address(address.bucket, each["Key"]), each["Size"], each["ETag"])
            for each in self._listed(address)
            if each["Size"]  # an empty one is what consoles make of a folder
        ]
        own = [each for each in every if each.address == address]
        folder = f"{address.key.rstrip('/')}/".lstrip("/")
        below = [each for each in every if each.address.key.startswith(folder)]
        if not (found := own or below):
            raise ObjectError(f"{address}: no such object, and none below it")
        return sorted(found, key=lambda each: each.address.key)

    def open(self, found: Found, offset: int = 0) -> io.BufferedReader:
        """Return the object's bytes from an offset on, a block for a request.

        Reading raises ObjectError where it has become another object meanwhile.
        """
        return io.BufferedReader(_Blocks(self._client, found, offset), BLOCK_BYTES)

    def read_json(self, address: Address) -> Any:
        """Return the value of an object, None where there is none."""
        try:
            with _named(address):
                found = self._client.get_object(Bucket=address.bucket, Key=address.key)
                return json.load(found["Body"])
        except MissingError:
            return None
        except ValueError as error:
            raise ObjectError(f"{address}: not JSON: {error}") from error

    def write_json(self, address: Address, value: Any, *, first: bool = False) -> bool:
        """Write an object; with `first` only where there is none: was it written?"""
        condition = {"IfNoneMatch": "*"} if first else {}
        try:
            with _named(address):
                self._client.put_object(
                    Bucket=address.bucket,
                    Key=address.key,
                    Body=json.dumps(value).encode() + b"\n",
                    ContentType="application/json",
                    **condition,
                )
        except TakenError:
            return False
        return True

    def write(self, address: Address, content: Iterator[bytes]) -> None:
        """Write an object of any size; it is there once all of it is."""
        with _named(address):
            self._client.upload_fileobj(
                io.BufferedReader(Stream(content), BLOCK_BYTES),
                address.bucket,
                address.key,
                ExtraArgs={"ContentType": "application/jsonl"},
                Config=_TRANSFER,
            )

    def names(self, address: Address) -> set[str]:
        """Return the names directly below an address."""
        below = f"{address.key.rstrip('/')}/"
        found = self._listed(Address(address.bucket, below))
        return {each["Key"].removeprefix(below) for each in found}

    def _listed(self, address: Address) -> Iterator[Mapping[str, Any]]:
        """Yield what S3 tells of each object whose key begins so."""
        with _named(address):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=address.bucket, Prefix=address.key
            )
            for page in pages:
                yield from page.get("Contents", ())


def connect() -> Objects:
    """Return the buckets that this process may use, by the environment it runs in."""
    retries = {"mode": "standard", "total_max_attempts": 8}
    return Objects(boto3.client("s3", config=Config(retries=retries)))


class MissingError(ObjectError):
    """There is no such object."""


class TakenError(ObjectError):
    """An object is there already."""


_KINDS: Mapping[str, type[ObjectError]] = {
    "404": MissingError,
    "NoSuchKey": MissingError,
    "412": TakenError,
    "PreconditionFailed": TakenError,
    "ConditionalRequestConflict": TakenError,
}


@contextmanager
def _named(address: Address) -> Iterator[None]:
    """Turn what boto3 raises into an ObjectError that names the address."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        said = error.response["Error"].get("Message") or code
        raise _KINDS.get(code, ObjectError)(f"{address}: {said}") from error
    except (BotoCoreError, OSError) as error:
        raise ObjectError(f"{address}: {error}") from error


class _Blocks(ObjectReader):
    """Names the object where something is wrong with it."""

    def __init__(self, client: Any, found: Found, offset: int) -> None:
        self._address = found.address
        super().__init__(
            client,
            bucket=found.address.bucket,
            key=found.address.key,
            etag=found.tag,
            offset=offset,
        )

    def readinto(self, buffer: Any) -> int:
        try:
            with _named(self._address):
                return super().readinto(buffer)
        except TakenError as error:
            raise ObjectError(
                f"{self._address}: was changed while it was read"
            ) from error
