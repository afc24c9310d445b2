from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from containers.batch.objects import Address, Objects
from containers.batch.record import begin
from containers.batch.share import Share, answer_share
from containers.flask.lines import Lines, load_lines
from manifest import Manifest
from rehearsal.account import Account
from rehearsal.emulator import start_emulator
from tests.containers.conftest import TINY

Answer = Callable[..., list[str]]


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """Real S3 requests over loopback."""
    with start_emulator(tmp_path_factory.mktemp("emulator")) as account:
        yield account


@pytest.fixture
def bucket(account: Account) -> Address:
    """An empty one of its own."""
    name = f"lathe-{uuid4().hex}"
    account.client("s3").create_bucket(Bucket=name)
    return Address(name, "")


@pytest.fixture
def objects(account: Account) -> Objects:
    return Objects(account.client("s3"))


@pytest.fixture(scope="session")
def lines(tiny_manifest: Manifest) -> Lines:
    return load_lines(tiny_manifest, TINY, "id", "byte", threads=2)


@pytest.fixture
def answer(
    objects: Objects, bucket: Address, lines: Lines, tiny_manifest: Manifest
) -> Answer:
    """Let tasks of a job answer bucket/in into bucket/out; return what they say."""

    def answer(
        *shares: Share, part_bytes: int | None = 2000, **changes: Any
    ) -> list[str]:
        said: list[str] = []
        asked = {"manifest": tiny_manifest, "id_field": "id", **changes}
        for share in shares or (Share(0, 1),):
            out = asked.pop("out", bucket / "out")
            every = begin(objects, bucket / "in", out, part_bytes=part_bytes, **asked)
            answer_share(
                objects,
                out,
                every,
                share=share,
                answer=lines.answer,
                threads=2,
                say=said.append,
            )
        return said

    return answer


def put(objects: Objects, address: Address, content: bytes) -> None:
    objects.write(address, iter([content]))


def content(objects: Objects, folder: Address) -> bytes:
    """All objects below an address in their order, one after the other."""
    return b"".join(objects.open(found).read() for found in objects.list(folder))


def rows(objects: Objects, folder: Address) -> list[Any]:
    return [json.loads(line) for line in content(objects, folder).splitlines()]
