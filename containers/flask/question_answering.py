"""A question and a context in, the words of the context that answer it out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from werkzeug.exceptions import BadRequest

from containers.flask.artifact import StartError
from containers.flask.instances import kind, read_text
from containers.flask.task import Encoded, Item, Span

MAX_OVERLAP = 128  # tokens that two windows on a context share, at the most
MAX_WINDOWS = 64  # of one context
MAX_ANSWER = 30  # tokens
BEST = 20  # answers that are weighed against each other

_KEYS = {"question", "context"}
_NOTHING = {"answer": "", "score": 0.0, "start": 0, "end": 0}


class QuestionAnswering:
    """Extractive question answering (Devlin et al., 2018, arXiv 1810.04805).

    A row is `[CLS] question [SEP] window [SEP]`, or what the tokenizer puts around two
    texts in their place. A question takes no more than half of
    a row and is cut there. A context that does not fit is read in windows which overlap
    by half, and by 128 tokens at the most: an answer of up to so many tokens lies
    whole in one of them.
    """

    def __init__(self, tokenizer: Tokenizer, *, longest: int) -> None:
        if longest < 8:
            raise StartError(f"lengths: a pair does not fit into {longest} tokens")
        tokenizer.no_truncation()  # a context is read in windows
        self._tokenizer = tokenizer
        self._before, self._between, self._after = _around(tokenizer)
        self._longest = longest

    def read(self, instance: Any, where: str) -> Item:
        """Take {"question": "...", "context": "..."}."""
        if not isinstance(instance, dict):
            raise BadRequest(
                f"{where}: {kind(instance)} is not an object; "
                'wanted {"question": "...", "context": "..."}'
            )
        if instance.keys() != _KEYS:
            raise BadRequest(
                f"{where}: keys {sorted(instance)} are not {sorted(_KEYS)}"
            )
        return Item(
            read_text(instance["question"], f"{where}.question"),
            read_text(instance["context"], f"{where}.context"),
        )

    def encode(self, items: Sequence[Item]) -> list[Encoded]:
        texts = [text for item in items for text in item]
        encodings = self._tokenizer.encode_batch(texts, add_special_tokens=False)
        return [
            self._windows(item, question.ids, context.ids, context.offsets)
            for item, question, context in zip(
                items, encodings[::2], encodings[1::2], strict=True
            )
        ]

    def _windows(
        self, item: Item, question: list[int], context: list[int], spans: list[Span]
    ) -> Encoded:
        question = question[: self._longest // 2 - 2]
        head = [*self._before, *question, *self._between]
        room = self._longest - len(head) - len(self._after)
        step = room - min(room // 2, MAX_OVERLAP)
        starts = range(0, max(1, len(context) - (room - step)), step)
        if len(starts) > MAX_WINDOWS:
            raise BadRequest(
                f"context: {len(context)} tokens beside a question of {len(question)}: "
                f"{MAX_WINDOWS * step + room - step} allowed"
            )
        windows = [slice(start, start + room) for start in starts]
        before: list[Span | None] = [None] * len(head)
        after: list[Span | None] = [None] * len(self._after)
        return Encoded(
            item,
            [[*head, *context[window], *self._after] for window in windows],
            [[*before, *spans[window], *after] for window in windows],
        )

    def answer(
        self, encoded: Encoded, outputs: Sequence[NDArray[np.float32]]
    ) -> dict[str, Any]:
        """Return the likeliest words, where they stand, and their share of the best.

        `start` and `end` count the context's characters (Unicode code points):
        `context[start:end]` is the answer. `score` is its probability among the best
        20 answers of all windows. A context without a single token has no answer.
        """
        found: dict[Span, float] = {}
        for spans, logits in zip(encoded.spans, outputs, strict=True):
            for logit, span in _candidates(spans, logits):
                found[span] = max(logit, found.get(span, -np.inf))
        if not found:
            return dict(_NOTHING)
        best = sorted((-logit, span) for span, logit in found.items())[:BEST]
        shares = np.exp([best[0][0] - logit for logit, _ in best])
        (start, end) = best[0][1]
        return {
            "answer": encoded.item.context[start:end],
            "score": round(float(1 / shares.sum()), 6),
            "start": start,
            "end": end,
        }


def _around(tokenizer: Tokenizer) -> tuple[list[int], list[int], list[int]]:
    """The ids before, between and after two texts; raises StartError."""
    pair = tokenizer.encode("a", "a")
    sides = pair.sequence_ids
    if set(sides) != {0, 1, None}:
        raise StartError("tokenizer: puts nothing between two texts")
    first, end = sides.index(0), len(sides) - sides[::-1].index(0)
    second, last = sides.index(1), len(sides) - sides[::-1].index(1)
    return pair.ids[:first], pair.ids[end:second], pair.ids[last:]


def _candidates(
    spans: Sequence[Span | None], logits: NDArray[np.float32]
) -> Iterator[tuple[float, Span]]:
    """Yield a window's likeliest stretches of tokens within the context."""
    inside = [(place, span) for place, span in enumerate(spans) if span is not None]
    if not inside:
        return
    count = len(inside)
    context = slice(inside[0][0], inside[-1][0] + 1)
    starts, ends = logits[context].astype(np.float64).T
    lengths = np.arange(count) - np.arange(count)[:, np.newaxis]
    allowed = (lengths >= 0) & (lengths < MAX_ANSWER)
    sums = np.where(allowed, starts[:, np.newaxis] + ends, -np.inf).ravel()
    for best in np.argsort(-sums, kind="stable")[:BEST]:
        if np.isfinite(sums[best]):
            first, last = divmod(int(best), count)
            start, end = inside[first][1][0], inside[last][1][1]
            if start < end:  # a space may be a token of its own: it is no answer
                yield float(sums[best]), (start, end)
