from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from batch.progress import Progress
from batch.run import Asked, Summary, run
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
