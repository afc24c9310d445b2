"""Tables of examples, row by row: CSV, JSON lines and Parquet."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

Encoding = Literal["utf-8", "latin-1"]
SUFFIXES = (".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ".parquet")


class DataError(ValueError):
    """Data that is not what its spec says."""


def read_rows(path: Path, encoding: Encoding = "utf-8") -> Iterator[Mapping[str, Any]]:
    """Yield a table's rows; what it is, its suffix says.

    Raises DataError naming the file, and the line where there are lines.
    """
    if not path.is_file():
        found = "is not a file" if path.exists() else "no such file"
        raise DataError(f"{path}: {found}")
    if path.suffix == ".parquet":
        yield from _parquet(path)
        return
    plain = path.name.removesuffix(".gz")
    if not plain.endswith((".csv", ".jsonl")):
        raise DataError(f"{path}: is none of {', '.join(SUFFIXES)}")
    text = _text(path, encoding)
    yield from (_csv if plain.endswith(".csv") else _json_lines)(path, text)


def _text(path: Path, encoding: Encoding) -> str:
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: encoding {encoding!r}: {error}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
    if not text.strip():
        raise DataError(f"{path}: is empty")
    return text.removeprefix("\ufeff")  # which spreadsheets put before UTF-8


def _csv(path: Path, text: str) -> Iterator[dict[str, Any]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        yield from reader
    except csv.Error as error:
        raise DataError(
            f"{path}: after line {reader.line_num}: not CSV: {error}"
        ) from None


def _json_lines(path: Path, text: str) -> Iterator[dict[str, Any]]:
    # Not splitlines(): a JSON text may hold U+2028 as it is.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}: line {number}: not JSON: {error}") from None
        if not isinstance(row, dict):
            raise DataError(f"{path}: line {number}: {line[:40]!r} is not an object")
        yield row


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            for batch in file.iter_batches():
                yield from batch.to_pylist()
    except (ArrowException, OSError) as error:
        raise DataError(f"{path}: not Parquet: {error}") from None
