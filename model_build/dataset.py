"""The examples that a spec asks for: read, cleaned, and split without a leak."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from model_build.augmentation import Augmentation, augmented
from model_build.cleaning import (
    Duplicates,
    Parts,
    Side,
    distinct,
    family,
    identity,
    parts_of,
    without_breaks,
)
from model_build.examples import Answer, Dataset, Example
from model_build.rows import DataError, Encoding, read_rows
from model_build.sources import Digest, Source

Share = Annotated[float, Meta(gt=0, lt=1)]
Place = Callable[["Table"], Path]
PART_WORDS = 4  # fewer are anybody's words, not a part of one text


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A file of examples: CSV, JSON lines or Parquet, as its suffix says."""

    source: Source
    local: str | None = None  # a file of the same fields, read where --data-dir has it
    sha256: Digest | None = None  # of the source


class Data(Table, frozen=True, kw_only=True):
    """Where the examples are, which of their fields mean what, how they are cleaned."""

    test: Table | None = None  # looked at once; without it, a share of the examples
    unlabelled: Table | None = None  # texts for a teacher to label
    encoding: Encoding = "utf-8"
    text: str | tuple[str, str] = "text"  # two: of a pair, or question and context
    label: str = "label"
    label_is: Literal["name", "index"] = "name"
    answers: str = "answers"  # {"text": [...], "answer_start": [...]}, as SQuAD has it
    group: str | None = None  # its examples are never on two sides of a split
    confidence: str | None = None  # annotators' agreement, 0 to 1
    min_confidence: Annotated[float, Meta(ge=0, le=1)] = 0.0
    breaks: Literal["keep", "space"] = "keep"  # what becomes of <br />
    duplicates: Duplicates = "near"
    # Apart: who is judged by a text learns from no part of it, nor is judged by parts.
    parts: Parts = "keep"
    # Where a text is cut that is longer than the longest of serving.lengths, by the
    # server as in training; of two texts the longer. Contexts are read in windows.
    truncate: Side = "end"
    augmentation: Augmentation | None = None  # of the training split alone
    validation_share: Share = 0.1
    test_share: Share = 0.1
    max_train: Annotated[int, Meta(ge=1)] | None = None

    def __post_init__(self) -> None:
        if self.test is None and self.validation_share + self.test_share >= 1:
            raise ValueError(
                f"validation_share + test_share: {self.validation_share} + "
                f"{self.test_share} leave nothing to train on; their sum is below 1"
            )
        if self.parts == "apart" and not isinstance(self.text, str):
            raise ValueError('parts: "apart" is of one text; data.text names two')

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.text,) if isinstance(self.text, str) else self.text

    @property
    def preprocessing(self) -> Mapping[str, Any]:
        """What is done to the examples between their table and the model."""
        names = ("breaks", "duplicates", "parts", "truncate", "augmentation")
        return {name: msgspec.to_builtins(getattr(self, name)) for name in names}


def read_dataset(data: Data, labels: Sequence[str], place: Place) -> Dataset:
    """Read, clean, drop duplicates, and split by a hash of what the examples say.

    `labels` is empty where the answers are words of a context; `place` gives a table's
    local path. A family of examples (cleaning.py) is never on two sides of a split that
    is made here; an example of a test table is in no other split. No model is taught by
    an unlabelled text or a changed copy that is also an example to judge it by; nor,
    where parts are `apart`, by a part of one.

    Raises DataError naming the file, row and field.
    """
    path = place(data)
    found = distinct(_examples(path, data, labels), data.duplicates)
    if not found:
        raise DataError(f"{path}: no example{_wanted(data, labels)}")
    table: list[Example] = []
    if data.test is not None:
        table = [*_examples(place(data.test), data, labels)]
        asked = {identity(e, "near") for e in table}
        found = [e for e in found if identity(e, "near") not in asked]
    edge = data.test_share if data.test is None else 0.0
    aside = [e for e in found if _draw(e) < edge + data.validation_share]
    parts = _parts([*found, *table], aside, 1, data)
    aside = [e for e in aside if e.texts[0] not in parts]
    test = [*table, *(e for e in aside if _draw(e) < edge)]  # one of them is empty
    validation = [e for e in aside if _draw(e) >= edge]
    families = {family(e) for e in aside}
    parts = _parts([*test, *validation], found, PART_WORDS, data)
    train = sorted(
        (e for e in found if family(e) not in families and e.texts[0] not in parts),
        key=_order,
    )
    train = train[: data.max_train]  # any first N are a sample
    if data.augmentation:
        train = [*train, *augmented(train, data.augmentation, [*validation, *test])]
    dataset = Dataset(
        tuple(train),
        tuple(validation),
        tuple(test),
        tuple(_unlabelled(data, place, [*validation, *test])),
        data.preprocessing,
    )
    _check_splits(dataset, labels, path)
    return dataset


def _parts(
    wholes: Sequence[Example], among: Sequence[Example], shortest: int, data: Data
) -> Collection[str]:
    return parts_of(wholes, among, shortest) if data.parts == "apart" else ()


def _check_splits(dataset: Dataset, labels: Sequence[str], path: Path) -> None:
    for name, counted in dataset.counts(labels).items():
        if absent := [label for label, count in counted.items() if count == 0]:
            raise DataError(f"{path}: the {name} split has no example of {absent}")


def _unlabelled(
    data: Data, place: Place, aside: Sequence[Example]
) -> Iterable[Example]:
    """Texts for a teacher, without those that a model is judged by."""
    if data.unlabelled is None:
        return []
    judging = {identity(example, "near") for example in aside}
    path = place(data.unlabelled)
    texts = (
        Example(texts)
        for number, row in enumerate(read_rows(path, data.encoding), start=1)
        if (texts := _texts(path, number, row, data)) is not None
    )
    found = distinct(texts, data.duplicates)
    parts = _parts(aside, found, PART_WORDS, data)
    return [
        e
        for e in found
        if identity(e, "near") not in judging and e.texts[0] not in parts
    ]


def _examples(path: Path, data: Data, labels: Sequence[str]) -> Iterator[Example]:
    index = {label: place for place, label in enumerate(labels)}
    if data.label_is == "index":
        index = {str(place): place for place in range(len(labels))}
    asked = [data.label if labels else data.answers, data.confidence, data.group]
    for number, row in enumerate(read_rows(path, data.encoding), start=1):
        _check_fields(path, number, row, filter(None, asked))
        texts = _texts(path, number, row, data)
        confidence = _confidence(path, number, row, data)
        if confidence < data.min_confidence or texts is None:
            continue
        group = str(row[data.group]) if data.group else ""
        if labels:
            if (label := str(row[data.label])) not in index:
                raise DataError(
                    f"{path}: row {number}: {data.label}: {label!r} is not one of "
                    f"{list(index)}"
                )
            yield Example(texts, index[label], (), confidence, group)
        elif answers := _answers(path, number, row[data.answers], texts[-1], data):
            yield Example(texts, -1, answers, confidence, group)


def _check_fields(path: Path, number: int, row: Any, fields: Iterable[str]) -> None:
    for field in fields:
        if field not in row:
            raise DataError(
                f"{path}: row {number}: no field {field!r}; it has "
                f"{sorted(map(str, row))}"
            )


def _texts(path: Path, number: int, row: Any, data: Data) -> tuple[str, ...] | None:
    """An example's texts, cleaned; None where one of them says nothing."""
    _check_fields(path, number, row, data.texts)
    found = []
    for field in data.texts:
        text = row[field]
        if not isinstance(text, str):
            raise DataError(f"{path}: row {number}: {field}: {text!r} is not text")
        found.append(without_breaks(text) if data.breaks == "space" else text)
    return tuple(found) if all(text.strip() for text in found) else None


def _answers(
    path: Path, number: int, found: Any, context: str, data: Data
) -> tuple[Answer, ...]:
    where = f"{path}: row {number}: {data.answers}"
    try:
        pairs = [*zip(found["text"], found["answer_start"], strict=True)]
    except (KeyError, TypeError, ValueError):
        raise DataError(
            f'{where}: {str(found)[:60]!r} is not {{"text": [...], '
            '"answer_start": [...]}, as long as each other'
        ) from None
    for text, start in pairs:
        if not isinstance(text, str) or not isinstance(start, int):
            raise DataError(f"{where}: {text!r} at {start!r} is not text at a number")
        if context[start : start + len(text)] != text:
            raise DataError(
                f"{where}: {text!r} is not at {start} of the context, where "
                f"{context[start : start + len(text)]!r} is"
            )
    return tuple(Answer(*pair) for pair in dict.fromkeys(pairs))


def _confidence(path: Path, number: int, row: Any, data: Data) -> float:
    if data.confidence is None:
        return 1.0
    found = row[data.confidence]
    try:
        return float(found or 0)
    except (TypeError, ValueError):
        raise DataError(
            f"{path}: row {number}: {data.confidence}: {found!r} is not a number"
        ) from None


def _wanted(data: Data, labels: Sequence[str]) -> str:
    if not labels:
        return " with an answer"
    return (
        f" with a label in {list(labels)} and confidence of at least "
        f"{data.min_confidence}"
    )


def _draw(example: Example) -> float:
    """A number in [0, 1) that a family of examples shares."""
    digest = hashlib.sha256(family(example).encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[:7]) / 2**56


def _order(example: Example) -> bytes:
    said = "\n".join(example.texts).encode(errors="surrogatepass")
    return hashlib.sha256(said).digest()
