"""Texts in, labels out: tokenization, length buckets, and the engine behind them."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from containers.flask.artifact import StartError


class Prediction(NamedTuple):
    label: str
    score: float  # probability, 6 decimals


class Engine(Protocol):
    """Token ids [rows, length] in, probabilities [rows, classes] out; thread-safe."""

    def probabilities(self, ids: NDArray[np.int32]) -> NDArray[np.float32]: ...


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
        self._tokenizer = tokenizer
        self._engine = engine
        self._labels = labels
        self._lengths = lengths

    def predict(self, texts: list[str]) -> list[Prediction]:
        """Return one prediction a text, in their order."""
        tokens = [e.ids for e in self._tokenizer.encode_batch_fast(texts)]
        buckets: dict[int, list[int]] = defaultdict(list)
        for place, ids in enumerate(tokens):
            buckets[bisect_left(self._lengths, len(ids))].append(place)
        answers: dict[int, Prediction] = {}
        for bucket, places in buckets.items():
            rows = np.zeros((len(places), self._lengths[bucket]), np.int32)
            for row, place in zip(rows, places, strict=True):
                row[: len(tokens[place])] = tokens[place]
            probabilities = self._engine.probabilities(rows)
            for place, row in zip(places, probabilities, strict=True):
                answers[place] = self._prediction(row)
        return [answers[place] for place in range(len(texts))]

    def _prediction(self, probabilities: NDArray[np.float32]) -> Prediction:
        best = int(probabilities.argmax())
        return Prediction(self._labels[best], round(float(probabilities[best]), 6))


def read_tokenizer(path: Path) -> Tokenizer:
    """Read a `tokenizers` file; raises StartError naming it."""
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise StartError(f"{path}: not a tokenizer: {error}") from error
