"""Splits do not leak, labels are checked, and bad rows are named."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_build.dataset import (
    Data,
    DataError,
    Example,
    _distinct,
    _place,
    read_dataset,
)

LABELS = ("bad", "good")


def jsonl(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def data(**changes: object) -> Data:
    return Data(**{"source": "file:x", "format": "jsonl", **changes})  # type: ignore[arg-type]


def many(count: int = 300) -> list[dict[str, object]]:
    return [
        {
            "text": f"message {chr(97 + i % 26)}{chr(97 + i // 26)} about it",
            "label": LABELS[i % 2],
        }
        for i in range(count)
    ]


@given(
    st.text(),
    st.sampled_from(["RT @someone: {}", "{} http://t.co/x1", "@a {}", "{}!!"]),
)
def test_a_retweet_is_on_the_side_of_its_original(text: str, form: str) -> None:
    original = f"a message that somebody wrote for us to read {text}"
    assert _place(form.format(original)) == _place(original)


def test_near_duplicates_are_one_example_and_the_surest_label_stays() -> None:
    kept = _distinct(
        [
            Example("Lost my bag!", 0, 0.6),
            Example("@air lost my bag http://t.co/1", 0, 1.0),
        ]
    )
    assert kept == [Example("@air lost my bag http://t.co/1", 0, 1.0)]


def test_a_message_labelled_in_two_ways_is_dropped() -> None:
    assert (
        _distinct([Example("well done", 0, 1.0), Example("Well done!", 1, 1.0)]) == []
    )


def test_splits_are_the_same_every_time_and_share_no_message(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "x.jsonl", many())
    first, again = (read_dataset(path, data(), LABELS) for _ in range(2))
    assert first.digest == again.digest
    splits = [{e.text for e in s} for s in (first.train, first.validation, first.test)]
    assert sum(map(len, splits)) == len(set.union(*splits)) == 300


def test_max_train_takes_from_training_only(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "x.jsonl", many())
    whole, cut = (read_dataset(path, data(max_train=n), LABELS) for n in (None, 50))
    assert len(cut.train) == 50
    assert cut.test == whole.test
    assert set(cut.train) < set(whole.train)


def test_reads_compressed_lines(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, many())).encode()))
    assert len(read_dataset(path, data(), LABELS).train) > 200


@pytest.mark.parametrize(
    ("content", "changes", "message"),
    [
        pytest.param("", {}, "no example", id="empty"),
        pytest.param(
            '{"text": "a"}', {}, "row 1: no field 'label'", id="no such field"
        ),
        pytest.param(
            '{"text": 3, "label": "bad"}', {}, "text: 3 is not text", id="no text"
        ),
        pytest.param(
            '{"text": "a", "label": "ugly"}', {}, "'ugly' is not one of", id="label"
        ),
        pytest.param(
            '{"text": "a", "label": "bad"', {}, "line 1: not JSON", id="cut off"
        ),
        pytest.param("[1]", {}, "is not an object", id="no object"),
        pytest.param(
            '{"text": "a", "label": "bad", "sure": "yes"}',
            {"confidence": "sure"},
            "sure: 'yes' is not a number",
            id="confidence",
        ),
        pytest.param(
            '{"text": "a", "label": "bad"}', {}, "split has no example", id="one row"
        ),
        pytest.param("\udcff", {}, "encoding 'utf-8'", id="not utf-8"),
    ],
)
def test_names_the_row_and_field_that_is_wrong(
    tmp_path: Path, content: str, changes: dict[str, object], message: str
) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(DataError, match=message) as refusal:
        read_dataset(path, data(**changes), LABELS)
    assert str(path) in str(refusal.value)


def test_names_a_file_that_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(gzip.compress(b"x" * 10_000)[:-9])
    with pytest.raises(DataError, match=r"x\.jsonl\.gz"):
        read_dataset(path, data(), LABELS)
