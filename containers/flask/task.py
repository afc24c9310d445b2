"""What a model is asked and answers: everything about a task but its arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from containers.flask.artifact import TOKENIZER, StartError
from manifest import Manifest

Span = tuple[int, int]  # of characters: first, and one after the last


class Item(NamedTuple):
    """One instance, read and checked; equal items have equal answers."""

    text: str  # or the question
    context: str = ""  # or the second of a pair


class Encoded(NamedTuple):
    """An item as the model sees it: at least one row of token ids."""

    item: Item
    rows: Sequence[list[int]]  # none longer than the manifest's longest length
    spans: Sequence[Sequence[Span | None]] = ()  # a row each: what a token stands for


class Task(Protocol):
    """From JSON to rows and back; safe to call from any thread."""

    def read(self, instance: Any, where: str) -> Item:
        """Check a JSON value; raises BadRequest naming `where` and what is wrong."""

    def encode(self, items: Sequence[Item]) -> list[Encoded]:
        """Tokenize; raises BadRequest where an item would be too many rows."""

    def answer(
        self, encoded: Encoded, outputs: Sequence[NDArray[np.float32]]
    ) -> Mapping[str, Any]:
        """Shape one item's answer from the engine's output for each of its rows."""


def load_task(manifest: Manifest, directory: Path) -> Task:
    """Return an artifact's task around its tokenizer; raises StartError."""
    from containers.flask.classification import Classification
    from containers.flask.question_answering import QuestionAnswering

    tokenizer = read_tokenizer(directory / manifest.engine / TOKENIZER)
    longest = manifest.lengths[-1]
    if manifest.task == "question-answering":
        return QuestionAnswering(tokenizer, longest=longest)
    return Classification(
        tokenizer,
        labels=manifest.labels,
        longest=longest,
        pairs=manifest.task == "pair-classification",
    )


def read_tokenizer(path: Path) -> Tokenizer:
    """Read a `tokenizers` file; raises StartError naming it.

    A task says how long a row is; at which side it is cut, the file does.
    """
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise StartError(f"{path}: not a tokenizer: {error}") from error
    tokenizer.no_padding()
    # A "[SEP]" that somebody typed is text, as it was in training.
    tokenizer.encode_special_tokens = True
    return tokenizer
