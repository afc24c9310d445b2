"""A line for a line, whatever the file holds."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers.flask.bulk import Bulk
from containers.flask.engine import Engine
from containers.flask.lines import LINE_BYTES, Chunk, Lines, read_chunks
from containers.flask.predictor import Predictor
from containers.flask.settings import Settings
from containers.flask.task import load_task
from manifest import Manifest
from tests.containers.conftest import TINY


@pytest.fixture(scope="module")
def lines(tiny_manifest: Manifest, tiny_engine: Engine) -> Lines:
    task = load_task(tiny_manifest, TINY)
    return Lines(Bulk(task, tiny_engine, tiny_manifest.lengths), "id")


def answered(
    lines: Lines, given: Sequence[bytes], first: int = 1
) -> tuple[list[Any], list[Any]]:
    places = range(first, first + len(given))
    found = lines.answer(Chunk(0, places, given, 0))
    answers, errors = (
        [json.loads(line) for line in text.splitlines()]
        for text in (found.answers, found.errors)
    )
    assert found.error_lines == len(errors)
    return answers, errors


def test_an_answer_has_its_instances_id_or_its_lines_number(
    lines: Lines, tiny_predictor: Predictor
) -> None:
    given = [b'"ok"', b'{"id": "a7", "text": "thanks"}', b'{"text": "ok", "id": -3}\r']
    answers, errors = answered(lines, given, first=41)
    texts = tiny_predictor.predict(["ok", "thanks", "ok"])
    ids = [41, "a7", -3]
    assert answers == [{"id": i, **t} for i, t in zip(ids, texts, strict=True)]
    assert errors == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "line: empty"),
        (b" \r", "line: empty"),
        (b'"caf\xe9"', "line: not UTF-8 at byte 4"),
        (b'{"text": "a"', "line: not JSON: Expecting ',' delimiter: character 13"),
        (b'"a" "b"', "line: not JSON: Extra data: character 5"),
        (b"[" * 100_000, "line: nested too deeply"),
        (b"1" * 5000, "line: not JSON: Exceeds the limit (4300 digits)"),
        (b"7", "instance: a number is not a string"),
        (b'"\\ud800"', "instance: a lone surrogate is not Unicode text"),
        (b'{"text": " "}', "instance.text: empty text"),
        (b'{"texts": "a"}', "instance: keys ['texts'] are not ['text']"),
        (b'{"id": [], "text": "a"}', "id: a list is not a string or a whole number"),
        (b'{"id": true, "text": "a"}', "id: a boolean is not a string"),
        (b'{"id": 1.5, "text": "a"}', "id: a fraction is not a string"),
        (b'{"id": "%b", "text": "a"}' % (b"x" * 257), "id: 257 characters, 256"),
        (b'"%b"' % (b"x" * LINE_BYTES), f"line: over {LINE_BYTES} bytes"),
    ],
    ids=range(16),
)
def test_a_line_without_an_answer_says_why(
    lines: Lines, line: bytes, reason: str
) -> None:
    answers, errors = answered(lines, [b'"ok"', line, b'"ok"'])
    assert errors == [{"line": 2, **answers[1]}]
    assert answers[1].keys() == {"id", "error"}
    assert answers[1]["error"].startswith(reason)
    assert answers[1]["id"] == 2
    assert answers[0]["label"] == answers[2]["label"]


def test_an_error_has_the_instances_own_id_where_that_can_be_read(lines: Lines) -> None:
    _, errors = answered(lines, [b'{"id": "a7", "text": ""}'])
    assert errors == [{"line": 1, "id": "a7", "error": "instance.text: empty text"}]


def test_a_line_may_be_as_long_as_a_body_that_the_server_takes() -> None:
    assert Settings.max_body_bytes == LINE_BYTES


def test_a_line_that_is_too_long_is_never_held_whole() -> None:
    class Counting(io.BytesIO):
        most = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            assert size, "as long as it likes"
            self.most = max(self.most, size)
            return super().readline(size)

    file = Counting(b'"a"\n' + b"x" * (40 << 20) + b'\n"b"')
    found = [line for c in read_chunks(file, part_bytes=1 << 20) for line in c.lines]
    assert [len(line) for line in found] == [3, LINE_BYTES + 1, 3]
    assert file.most <= LINE_BYTES + 1


@pytest.mark.parametrize("length", [LINE_BYTES - 1, LINE_BYTES, LINE_BYTES + 1])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_the_longest_line_is_whole_and_the_next_begins_after_it(
    length: int, end: bytes
) -> None:
    file = io.BytesIO(b"x" * length + end + b"y" * len(end))
    chunks = list(read_chunks(file, part_bytes=1 << 20))
    found = [line for chunk in chunks for line in chunk.lines]
    assert found == [b"x" * length, b"y"][: 1 + len(end)]
    assert chunks[-1].end == length + 2 * len(end)


texts = st.lists(
    st.sampled_from([b"a", b"\n", b"\r", b" ", b"bcd", b"e" * 11]), max_size=60
).map(b"".join)


@given(texts, st.integers(1, 20))
def test_each_line_is_in_the_part_it_begins_in(text: bytes, part_bytes: int) -> None:
    chunks = list(read_chunks(io.BytesIO(text), part_bytes=part_bytes))
    lines = text.removesuffix(b"\n").split(b"\n") if text else []
    assert [line for chunk in chunks for line in chunk.lines] == lines
    begin, number = 0, 1
    for chunk in chunks:
        for line, place in zip(chunk.lines, chunk.places, strict=True):
            assert place == number
            assert begin // part_bytes == chunk.part
            begin += len(line) + 1
            number += 1
        assert chunk.end == min(begin, len(text))
    assert [chunk.ends_file for chunk in chunks] == [
        *([False] * (len(chunks) - 1)),
        True,
    ]
    assert len({c.part for c in chunks}) == sum(chunk.ends_part for chunk in chunks)


@given(texts, st.integers(1, 20))
def test_reading_on_after_any_part_gives_the_same_chunks(
    text: bytes, part_bytes: int
) -> None:
    whole = list(read_chunks(io.BytesIO(text), part_bytes=part_bytes))
    for place, chunk in enumerate(whole[:-1]):
        file = io.BytesIO(text)
        file.seek(chunk.end)
        rest = read_chunks(
            file,
            part_bytes=part_bytes,
            offset=chunk.end,
            first=1 + sum(len(each.lines) for each in whole[: place + 1]),
        )
        assert list(rest) == whole[place + 1 :]
