"""Texts as token ids, in batches of similar length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from model_build.dataset import Example


@dataclass(frozen=True)
class Tokens:
    """Examples as ids int32 [n, longest], 0 after the end; labels and weights [n]."""

    ids: np.ndarray
    labels: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def lengths(self) -> np.ndarray:
        return np.asarray((self.ids != 0).sum(axis=1))


@dataclass(frozen=True)
class Batch:
    rows: np.ndarray  # which examples these are
    ids: np.ndarray  # [batch, length of the longest, rounded up to 8]
    labels: np.ndarray
    weights: np.ndarray


def read_tokenizer(path: Path, max_length: int) -> Tokenizer:
    """Read a tokenizer.json; it cuts at `max_length` tokens and does not pad."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    tokenizer.encode_special_tokens = True  # "[SEP]" in a message is just text
    return tokenizer


def tokenize(examples: Sequence[Example], tokenizer: Tokenizer) -> Tokens:
    encoded = tokenizer.encode_batch_fast([e.text for e in examples])
    ids = np.zeros((len(examples), max(len(e.ids) for e in encoded)), np.int32)
    for row, encoding in zip(ids, encoded, strict=True):
        row[: len(encoding.ids)] = encoding.ids
    return Tokens(
        ids,
        np.array([e.label for e in examples], np.int32),
        np.array([e.weight for e in examples], np.float32),
    )


def batches(tokens: Tokens, size: int, seed: int | None = None) -> Iterator[Batch]:
    """Every example once; with a seed in random order, still grouped by length.

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
        longest = int(lengths[rows].max())
        length = min(-(-longest // 8) * 8, tokens.ids.shape[1])
        yield Batch(
            rows, tokens.ids[rows, :length], tokens.labels[rows], tokens.weights[rows]
        )


def first(tokens: Tokens, count: int) -> Tokens:
    return Tokens(tokens.ids[:count], tokens.labels[:count], tokens.weights[:count])
