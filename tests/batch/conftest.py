from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from batch.progress import Progress
from batch.run import Asked, Summary, run
from containers.batch.objects import Address, Objects
from containers.batch.record import begin
from containers.batch.share import Share, answer_share
from containers.flask.lines import Lines, load_lines
from manifest import Manifest, read_manifest
from rehearsal.account import Account
from rehearsal.emulator import start_emulator
from tests.batch.bucket import AnswerShares
from tests.containers.conftest import TINY
from tests.containers.test_predictor import TEXTS

Run = Callable[..., Summary]


def write(path: Path, content: bytes) -> None:
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def read(path: Path) -> bytes:
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


def rows(path: Path) -> list[Any]:
    return [json.loads(line) for line in read(path).splitlines()]


def some_lines(count: int) -> bytes:
    """Lines of all lengths; every seventh has no answer, every third has an id."""
    found = []
    for number in range(count):
        text = TEXTS[number % len(TEXTS)] + f" {number}"
        line: Any = {"id": f"a{number}", "text": text} if number % 3 == 0 else text
        found.append(json.dumps(line if number % 7 else None))
    return "\n".join(found).encode()


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    """Two hundred lines in some ten parts; a test may write another input."""
    source = tmp_path / "in.jsonl"
    write(source, some_lines(200))
    return Asked(TINY, source, tmp_path / "out.jsonl", cores=2, part_bytes=2000)


@pytest.fixture
def answer(asked: Asked) -> Run:
    """Run what is asked, with changes; what is said goes to nobody."""

    def answer(**changes: Any) -> Summary:
        return run(replace(asked, **changes), Progress(StringIO()))

    return answer


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
def tiny_manifest() -> Manifest:
    return read_manifest(TINY / "manifest.json")


@pytest.fixture(scope="session")
def lines(tiny_manifest: Manifest) -> Lines:
    return load_lines(tiny_manifest, TINY, "id", "byte", threads=2)


@pytest.fixture
def answer_shares(
    objects: Objects, bucket: Address, lines: Lines, tiny_manifest: Manifest
) -> AnswerShares:
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
