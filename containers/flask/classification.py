"""Texts in, labels out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from werkzeug.exceptions import BadRequest

from containers.flask.instances import read_text
from containers.flask.task import Encoded, Item


class Classification:
    """One row a text, cut at the longest length; the likeliest label and its share."""

    def __init__(
        self, tokenizer: Tokenizer, *, labels: tuple[str, ...], longest: int
    ) -> None:
        tokenizer.enable_truncation(longest)
        self._tokenizer = tokenizer
        self._labels = labels

    def read(self, instance: Any, where: str) -> Item:
        """Take "text" or {"text": "..."}."""
        if not isinstance(instance, dict):
            return Item(read_text(instance, where))
        if instance.keys() != {"text"}:
            raise BadRequest(f"{where}: keys {sorted(instance)} are not ['text']")
        return Item(read_text(instance["text"], f"{where}.text"))

    def encode(self, items: Sequence[Item]) -> list[Encoded]:
        encodings = self._tokenizer.encode_batch_fast([item.text for item in items])
        return [
            Encoded(item, [encoding.ids])
            for item, encoding in zip(items, encodings, strict=True)
        ]

    def answer(
        self, encoded: Encoded, outputs: Sequence[NDArray[np.float32]]
    ) -> dict[str, Any]:
        """Return the label and its probability, rounded to 6 decimals."""
        (output,) = outputs
        row = output.tolist()
        score = max(row)
        return {"label": self._labels[row.index(score)], "score": round(score, 6)}
