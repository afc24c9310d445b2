"""One text or two in, one of some labels out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from model_build.checkpoint import TaskHead
from model_build.cleaning import Side
from model_build.examples import Example
from model_build.tasks.base import Judged
from model_build.tokens import Tokens, padded
from model_build.vocabulary import load_tokenizer


@dataclass(frozen=True)
class Classification:
    """A choice for the whole row; of two texts the longer is cut first."""

    labels: tuple[str, ...]
    texts: int = 1
    truncate: Side = "end"  # as the tokenizer of its models says it

    @property
    def head(self) -> TaskHead:
        return TaskHead("classes", len(self.labels), self.texts, self.truncate)

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("text",) if self.texts == 1 else ("text", "pair")

    def instance(self, example: Example) -> Any:
        if self.texts == 1:
            return example.texts[0]
        return dict(zip(self.inputs, example.texts, strict=True))

    def check(self, examples: Sequence[Example], tokenizer: str, length: int) -> None:
        """Nothing is too long: it is cut."""

    def encode(
        self, examples: Sequence[Example], tokenizer: str, length: int
    ) -> Tokens:
        loaded = load_tokenizer(tokenizer, length)
        texts = [e.texts[0] if self.texts == 1 else e.texts for e in examples]
        ids = padded([each.ids for each in loaded.encode_batch_fast(texts)])
        return Tokens(
            ids,
            {"label": np.array([e.label for e in examples], np.int32)},
            np.array([e.weight for e in examples], np.float32),
            np.arange(len(examples), dtype=np.int32),
        )

    def judge(
        self,
        examples: Sequence[Example],
        tokenizer: str,
        length: int,
        outputs: Sequence[np.ndarray],
    ) -> Judged:
        shares = np.asarray(outputs, np.float32)
        guesses = shares.argmax(axis=1)
        truth = np.array([example.label for example in examples])
        return Judged(
            [self._answer(row) for row in shares],
            {"accuracy": (guesses == truth).astype(np.float64)},
            shares,
        )

    def _answer(self, row: np.ndarray) -> dict[str, Any]:
        best = int(row.argmax())
        return {"label": self.labels[best], "score": round(float(row[best]), 6)}
