"""Texts in, labels out: tokenization, length buckets, and the engine behind them."""

from __future__ import annotations

from bisect import bisect_left
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tokenizers import Tokenizer

from containers.flask.artifact import StartError
from containers.flask.engine import Engine


class Prediction(NamedTuple):
    label: str
    score: float  # probability, 6 decimals


class Classifier:
    """Answers each text as if it were alone: its own length bucket, its own row."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        engine: Engine,
        *,
        labels: tuple[str, ...],
        lengths: tuple[int, ...],
    ) -> None:
        tokenizer.no_padding()
        tokenizer.enable_truncation(lengths[-1])
        # A "[SEP]" that somebody typed is text, as it was in training.
        tokenizer.encode_special_tokens = True
        self._tokenizer = tokenizer
        self._engine = engine
        self._labels = labels
        self._lengths = lengths

    def predict(self, texts: list[str]) -> list[Prediction]:
        """Return one prediction a text, in their order."""
        tokens = [e.ids for e in self._tokenizer.encode_batch_fast(texts)]
        places: dict[int, list[int]] = {}
        for place, ids in enumerate(tokens):
            length = self._lengths[bisect_left(self._lengths, len(ids))]
            places.setdefault(length, []).append(place)
        answers: dict[int, Prediction] = {}
        for length, bucket in places.items():
            rows = [
                tokens[place] + [0] * (length - len(tokens[place])) for place in bucket
            ]
            probabilities = self._engine.run(np.array(rows, np.int32))
            for place, row in zip(bucket, probabilities.tolist(), strict=True):
                score = max(row)
                label = self._labels[row.index(score)]
                answers[place] = Prediction(label, round(score, 6))
        return [answers[place] for place in range(len(texts))]


def read_tokenizer(path: Path) -> Tokenizer:
    """Read a `tokenizers` file; raises StartError naming it."""
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise StartError(f"{path}: not a tokenizer: {error}") from error
