"""Labelled examples: read, cleaned of duplicates, and split without a leak."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from model_build.sources import Digest, Source

_NOISE = re.compile(r"https?://\S*|\brt\b|@\w+|[^\w\s]|\d")
_FAMILY_WORDS = 8  # a retweet is cut at the end, not at the beginning


class DataError(ValueError):
    """Data that is not what its spec says."""


Share = Annotated[float, Meta(gt=0, lt=1)]


class Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the examples are, and which of their fields mean what."""

    source: Source
    sha256: Digest | None = None
    format: Literal["csv", "jsonl"]
    encoding: Literal["utf-8", "latin-1"] = "utf-8"
    text: str = "text"
    label: str = "label"
    confidence: str | None = None  # annotators' agreement, 0 to 1
    min_confidence: Annotated[float, Meta(ge=0, le=1)] = 0.0
    validation_share: Share = 0.1
    test_share: Share = 0.1
    max_train: Annotated[int, Meta(ge=1)] | None = None

    def __post_init__(self) -> None:
        if self.validation_share + self.test_share >= 1:
            raise ValueError(
                f"validation_share + test_share: {self.validation_share} + "
                f"{self.test_share} leave nothing to train on; their sum is below 1"
            )


@dataclass(frozen=True)
class Example:
    text: str
    label: int
    weight: float  # annotators' agreement, 0 to 1


@dataclass(frozen=True)
class Dataset:
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]

    @property
    def digest(self) -> str:
        """SHA-256 over every example and the split it is in."""
        splits = (self.train, self.validation, self.test)
        rows = [[[e.text, e.label, e.weight] for e in split] for split in splits]
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()

    def counts(self, labels: Sequence[str]) -> dict[str, dict[str, int]]:
        """Examples by split and label."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {
            split: {
                label: sum(e.label == index for e in examples)
                for index, label in enumerate(labels)
            }
            for split, examples in named.items()
        }


def read_dataset(path: Path, data: Data, labels: Sequence[str]) -> Dataset:
    """Read, drop near-duplicates, and split by a hash of what the text says.

    Two messages that differ in links, mentions, digits or punctuation are one
    example; messages with the same first words (retweets, replies from a template)
    are of one family, and a family is never on two sides of a split.

    Raises DataError naming the file, row and field.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    found = [*_examples(path, data, labels)]
    if not found:
        raise DataError(
            f"{path}: no example with a label in {list(labels)} and confidence of "
            f"at least {data.min_confidence}"
        )
    dataset = _split(_distinct(found), data)
    for name, counted in dataset.counts(labels).items():
        if absent := [label for label, count in counted.items() if count == 0]:
            raise DataError(f"{path}: the {name} split has no example of {absent}")
    return dataset


def _examples(path: Path, data: Data, labels: Sequence[str]) -> Iterator[Example]:
    index = {label: position for position, label in enumerate(labels)}
    for number, row in enumerate(_rows(path, data), start=1):
        for field in filter(None, (data.text, data.label, data.confidence)):
            if field not in row:
                raise DataError(
                    f"{path}: row {number}: no field {field!r}; it has {sorted(map(str, row))}"
                )
        text, label = row[data.text], str(row[data.label])
        if not isinstance(text, str):
            raise DataError(f"{path}: row {number}: {data.text}: {text!r} is not text")
        confidence = _confidence(path, number, row, data)
        if confidence < data.min_confidence or not text.strip():
            continue
        if label not in index:
            raise DataError(
                f"{path}: row {number}: {data.label}: {label!r} is not one of {list(labels)}"
            )
        yield Example(text, index[label], confidence)


def _confidence(path: Path, number: int, row: dict[str, Any], data: Data) -> float:
    if data.confidence is None:
        return 1.0
    found = row[data.confidence]
    try:
        return float(found or 0)
    except (TypeError, ValueError):
        raise DataError(
            f"{path}: row {number}: {data.confidence}: {found!r} is not a number"
        ) from None


def _rows(path: Path, data: Data) -> Iterable[dict[str, Any]]:
    content = path.read_bytes()
    try:
        content = gzip.decompress(content) if path.suffix == ".gz" else content
        text = content.decode(data.encoding)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: encoding {data.encoding!r}: {error}") from None
    if data.format == "csv":
        return csv.DictReader(io.StringIO(text, newline=""))
    return _json_lines(path, text)


def _json_lines(path: Path, text: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise DataError(f"{path}: line {number}: not JSON: {error}") from None
        if not isinstance(row, dict):
            raise DataError(f"{path}: line {number}: {line[:40]!r} is not an object")
        yield row


def _words(text: str) -> list[str]:
    return _NOISE.sub(" ", text.lower()).split()


def _distinct(examples: Iterable[Example]) -> list[Example]:
    """Keep one of each message; one that is labelled in two ways says nothing."""
    kept: dict[str, Example] = {}
    labels: dict[str, set[int]] = {}
    for example in examples:
        key = " ".join(_words(example.text)) or example.text
        labels.setdefault(key, set()).add(example.label)
        if key not in kept or kept[key].weight < example.weight:
            kept[key] = example
    return [example for key, example in kept.items() if len(labels[key]) == 1]


def _split(examples: Iterable[Example], data: Data) -> Dataset:
    train, validation, test = [], [], []
    for example in examples:
        place = _place(example.text)
        if place < data.test_share:
            test.append(example)
        elif place < data.test_share + data.validation_share:
            validation.append(example)
        else:
            train.append(example)
    train.sort(
        key=lambda e: hashlib.sha256(e.text.encode()).digest()
    )  # any first N are a sample
    return Dataset(tuple(train[: data.max_train]), tuple(validation), tuple(test))


def _place(text: str) -> float:
    """A number in [0, 1) that a family of messages shares."""
    family = " ".join(_words(text)[:_FAMILY_WORDS]) or text
    return int.from_bytes(hashlib.sha256(family.encode()).digest()[:7]) / 2**56
