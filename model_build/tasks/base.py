"""What every task is: a head, rows of tokens, and a judgement of what was answered."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from model_build.checkpoint import TaskHead
    from model_build.examples import Example
    from model_build.tokens import Tokens


ANSWERS, FIGURES, PROBABILITIES = "answers.json", "figures.npz", "probabilities"


@dataclass(frozen=True)
class Judged:
    """What a model answered to examples, and how right each answer is.

    `answers` are what the server would send; `figures` are float [examples] by name,
    each the share of one example that is right; `probabilities` are float32 [examples,
    classes] where the answer is one of some classes.
    """

    answers: Sequence[Mapping[str, Any]]
    figures: Mapping[str, np.ndarray]
    probabilities: np.ndarray | None = None

    @property
    def said(self) -> np.ndarray:
        """Each answer as it is compared with another model's: str [examples]."""
        return np.array(
            [each.get("label", each.get("answer")) for each in self.answers]
        )

    def save(self, directory: Path) -> None:
        """Write answers.json and figures.npz."""
        text = json.dumps(list(self.answers), ensure_ascii=False)
        (directory / ANSWERS).write_text(text, encoding="utf-8")
        arrays: dict[str, Any] = dict(self.figures)
        if self.probabilities is not None:
            arrays[PROBABILITIES] = self.probabilities
        np.savez(directory / FIGURES, **arrays)


def load_judged(directory: Path) -> Judged:
    """Read what Judged.save wrote."""
    answers = json.loads((directory / ANSWERS).read_bytes())
    with np.load(directory / FIGURES, allow_pickle=False) as arrays:
        figures = {name: arrays[name] for name in arrays.files}
    probabilities = figures.pop(PROBABILITIES, None)
    return Judged(answers, figures, probabilities)


class Task(Protocol):
    """Everything about a task that is not the encoder's."""

    @property
    def head(self) -> TaskHead: ...

    @property
    def inputs(self) -> tuple[str, ...]:
        """What a request calls an example's texts."""
        ...

    def instance(self, example: Example) -> Any:
        """Return the JSON value that asks a server about an example."""
        ...

    def check(self, examples: Sequence[Example], tokenizer: str, length: int) -> None:
        """Raise DataError where an example is more than the server reads."""
        ...

    def encode(
        self, examples: Sequence[Example], tokenizer: str, length: int
    ) -> Tokens:
        """Return rows of at most `length` tokens, as the server makes them.

        `tokenizer` is a tokenizer.json. A row's targets are where the answer is.
        """
        ...

    def judge(
        self,
        examples: Sequence[Example],
        tokenizer: str,
        length: int,
        outputs: Sequence[np.ndarray],
    ) -> Judged:
        """Score a model's outputs for the rows that encode() makes of `examples`.

        An output is what an engine gives for a row: probabilities [classes], or logits
        [length, 2] of an answer's start and end.
        """
        ...
