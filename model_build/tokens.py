"""Examples as token ids, in batches of similar length."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Tokens:
    """Rows of ids int32 [n, longest], 0 after the end, and what is right for each.

    `targets` are int32 [n] by name: `label`, or `start` and `end`; -1 where unknown.
    `weights` is float32 [n]. An example may be several rows: `examples` int32 [n] says
    which one a row is of. `shown` is what teachers answer to each row, where that is
    known: float32 [n, classes], or [n, longest, 2] of an answer's start and end.
    """

    ids: np.ndarray
    targets: Mapping[str, np.ndarray]
    weights: np.ndarray
    examples: np.ndarray
    shown: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def lengths(self) -> np.ndarray:
        return np.asarray((self.ids != 0).sum(axis=1))

    def take(self, rows: np.ndarray) -> Tokens:
        """These rows, cut to the longest of them, rounded up to 8."""
        longest = int((self.ids[rows] != 0).sum(axis=1).max())
        length = min(-(-longest // 8) * 8, self.ids.shape[1])
        return Tokens(
            self.ids[rows, :length],
            {name: each[rows] for name, each in self.targets.items()},
            self.weights[rows],
            self.examples[rows],
            _cut(self.shown, rows, length),
        )


@dataclass(frozen=True)
class Batch:
    rows: np.ndarray  # which of the tokens' rows these are
    tokens: Tokens


def _cut(shown: np.ndarray | None, rows: np.ndarray, length: int) -> np.ndarray | None:
    if shown is None or shown.ndim == 2:
        return None if shown is None else shown[rows]
    return shown[rows, :length]


def padded(rows: Sequence[Sequence[int]]) -> np.ndarray:
    """Return rows of ids as one array, 0 after the end: int32 [n, longest]."""
    ids = np.zeros((len(rows), max(map(len, rows), default=0)), np.int32)
    for row, found in zip(ids, rows, strict=True):
        row[: len(found)] = found
    return ids


def batches(tokens: Tokens, size: int, seed: int | None = None) -> Iterator[Batch]:
    """Every row once; with a seed in random order, still grouped by length.

    Padding costs as much as text, so a batch holds texts of one length: shuffled,
    cut into pools of 32 batches, sorted within a pool, and the batches shuffled.
    """
    lengths = tokens.lengths
    order = np.arange(len(tokens))
    if seed is None:
        order = np.argsort(lengths, kind="stable")
    else:
        random = np.random.default_rng(seed)
        random.shuffle(order)
        pools = [order[i : i + 32 * size] for i in range(0, len(order), 32 * size)]
        pools = [pool[np.argsort(lengths[pool], kind="stable")] for pool in pools]
        order = np.concatenate(pools)
    groups = [order[i : i + size] for i in range(0, len(order), size)]
    if seed is not None:
        random.shuffle(groups)
    for rows in groups:
        yield Batch(rows, tokens.take(rows))


def first(tokens: Tokens, count: int) -> Tokens:
    return tokens.take(np.arange(min(count, len(tokens))))
