"""One text or two in, a label out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from werkzeug.exceptions import BadRequest

from containers.flask.instances import kind, read_text
from containers.flask.task import Encoded, Item
from containers.flask.words import Words, are_apart


class Classification:
    """One row an instance, cut to the longest length; the likeliest label and its share.

    The tokenizer says at which side a text is cut; of two texts the longer one is first.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        labels: tuple[str, ...],
        longest: int,
        pairs: bool = False,
    ) -> None:
        side = (tokenizer.truncation or {}).get("direction", "right")
        tokenizer.enable_truncation(longest, direction=side)
        self._tokenizer = tokenizer
        self._words = (
            Words(tokenizer, longest=longest, side=side)
            if are_apart(tokenizer) and not pairs
            else None
        )
        self._labels = labels
        self._keys = ("text", "pair") if pairs else ("text",)

    def read(self, instance: Any, where: str) -> Item:
        """Take {"text": "..."} or the text alone; {"text": "...", "pair": "..."}."""
        if isinstance(instance, dict):
            if instance.keys() != set(self._keys):
                raise BadRequest(
                    f"{where}: keys {sorted(instance)} are not {sorted(self._keys)}"
                )
            return Item(*(read_text(instance[k], f"{where}.{k}") for k in self._keys))
        if len(self._keys) == 1:
            return Item(read_text(instance, where))
        raise BadRequest(
            f"{where}: {kind(instance)} is not an object; "
            'wanted {"text": "...", "pair": "..."}'
        )

    def encode(self, items: Sequence[Item]) -> list[Encoded]:
        if self._words:
            return [Encoded(item, [self._words.row(item.text)]) for item in items]
        asked = [item if item.context else item.text for item in items]
        encodings = self._tokenizer.encode_batch_fast(asked)
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
