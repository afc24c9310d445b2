"""What a model learns from and is judged by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Answer:
    """Words of a context that answer its question."""

    text: str
    start: int  # characters (Unicode code points) of the context before it


@dataclass(frozen=True)
class Example:
    """One text, two texts, or a question and its context; with what is right."""

    texts: tuple[str, ...]
    label: int = -1  # place among the spec's labels; -1 where nobody gave one
    answers: tuple[Answer, ...] = ()  # any of them is right
    weight: float = 1.0  # annotators' agreement, 0 to 1
    group: str = ""  # examples of one group are never on two sides of a split


@dataclass(frozen=True)
class Dataset:
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]
    unlabelled: tuple[Example, ...] = ()  # for a teacher to label
    preprocessing: Mapping[str, Any] = field(default_factory=dict)  # setting -> value

    @property
    def splits(self) -> Mapping[str, tuple[Example, ...]]:
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return named | ({"unlabelled": self.unlabelled} if self.unlabelled else {})

    @property
    def digest(self) -> str:
        """SHA-256 over every example, the split it is in, and what was done to it."""
        rows = [[_row(e) for e in split] for split in self.splits.values()]
        text = json.dumps([rows, self.preprocessing], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def counts(self, labels: Sequence[str]) -> dict[str, dict[str, int]]:
        """Examples by split and label; by split alone where there are no labels."""
        return {
            split: {
                label: sum(e.label == index for e in examples)
                for index, label in enumerate(labels)
            }
            if labels and split != "unlabelled"
            else {"examples": len(examples)}
            for split, examples in self.splits.items()
        }


def _row(example: Example) -> list[object]:
    answers = [[answer.text, answer.start] for answer in example.answers]
    return [list(example.texts), example.label, answers, example.weight]
