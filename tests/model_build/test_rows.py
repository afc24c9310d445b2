"""A table says the same in every form that can be read."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import pytest

from model_build.rows import SUFFIXES, DataError, read_rows

ROWS = [
    {"text": "plain", "label": "0"},
    {"text": 'comma, "quote"\nand a line', "label": "1"},
    {"text": "é 你好 \u2028 line separator", "label": "1"},
]


def as_csv() -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, ["text", "label"])
    writer.writeheader()
    writer.writerows(ROWS)
    return out.getvalue().encode()


def as_lines() -> bytes:
    lines = [json.dumps(row, ensure_ascii=False) for row in ROWS]
    return "\n".join([*lines, ""]).encode()


def write(directory: Path, suffix: str) -> Path:
    path = directory / f"table{suffix}"
    if suffix == ".parquet":
        import pyarrow as pa
        from pyarrow import parquet

        parquet.write_table(pa.Table.from_pylist(ROWS), path, row_group_size=2)
        return path
    content = as_csv() if suffix.startswith(".csv") else as_lines()
    path.write_bytes(gzip.compress(content) if suffix.endswith(".gz") else content)
    return path


FORMS = [
    # pyarrow is installed on the build side
    pytest.param(suffix, marks=pytest.mark.tf if suffix == ".parquet" else ())
    for suffix in SUFFIXES
]


@pytest.mark.parametrize("suffix", FORMS)
def test_every_form_has_the_same_rows(tmp_path: Path, suffix: str) -> None:
    # red if lines are split at U+2028, or only Parquet's first row group is read
    assert [dict(row) for row in read_rows(write(tmp_path, suffix))] == ROWS


@pytest.mark.tf
def test_answers_come_out_of_parquet_as_out_of_lines(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    row = {"question": "who?", "answers": {"text": ["a", "b"], "answer_start": [1, 5]}}
    parquet.write_table(pa.Table.from_pylist([row]), tmp_path / "x.parquet")
    assert list(read_rows(tmp_path / "x.parquet")) == [row]


@pytest.mark.tf
def test_a_broken_parquet_file_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, ".parquet")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"table\.parquet: not Parquet"):
        list(read_rows(path))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no\.csv: no such file"):
        list(read_rows(tmp_path / "no.csv"))


def test_a_file_that_is_not_what_its_name_says_is_named(tmp_path: Path) -> None:
    """Red if an error of gzip, csv or json comes through as it is."""
    whole = gzip.compress(b"text,label\n" + b"some words of a text,1\n" * 500)
    spoiled = whole[:30] + bytes(len(whole) - 40) + whole[-10:]
    for name, content, said in (
        ("a.csv.gz", b"text", "cannot be read: Not a gzipped file"),
        ("b.csv.gz", whole[:-20], "cannot be read"),
        ("c.csv.gz", spoiled, "cannot be read"),
        ("d.csv", b'text,label\n"' + b"a" * 200_000, "not CSV: field larger"),
        ("e.jsonl", b"[" * 200_000, "line 1: not JSON"),
        ("f.csv", b"text\n\xff", "encoding 'utf-8'"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=f"{name}: .*{said}"):
            list(read_rows(tmp_path / name))
