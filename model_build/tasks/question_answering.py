"""A question and a context in, the words of the context that answer it out.

The rows and the decoding are the server's own (containers/flask), so that a model is
trained and judged on what it will be asked. SQuAD v1.1 (Rajpurkar et al., 2016,
https://arxiv.org/abs/1606.05250), whose official evaluation the figures are.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from werkzeug.exceptions import BadRequest

from containers.flask.question_answering import QuestionAnswering as Served
from containers.flask.task import Encoded, Item, Span
from model_build.checkpoint import TaskHead
from model_build.examples import Answer, Example
from model_build.rows import DataError
from model_build.tasks.base import Judged
from model_build.tokens import Tokens, padded
from model_build.vocabulary import load_tokenizer

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True)
class QuestionAnswering:
    """Where an answer starts and where it ends, for each token of a window."""

    @property
    def head(self) -> TaskHead:
        return TaskHead("spans", 2, 2)

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("question", "context")

    def instance(self, example: Example) -> Any:
        return dict(zip(self.inputs, example.texts, strict=True))

    def check(self, examples: Sequence[Example], tokenizer: str, length: int) -> None:
        """Raise DataError where a context takes more windows than the server reads."""
        with suppress(BadRequest):  # together in half the time; alone to name them
            self._encoded(examples, tokenizer, length)
            return
        served = Served(load_tokenizer(tokenizer), longest=length)
        refused = []
        for example in examples:
            try:
                served.encode([Item(*example.texts)])
            except BadRequest as error:
                refused.append(f"{example.texts[1][:40]!r}: {error.description}")
        raise DataError(
            f"serving.lengths: {length}: too short for {len(refused)} of "
            f"{len(examples)} contexts; of the one that begins {refused[0]}"
        )

    def encode(
        self, examples: Sequence[Example], tokenizer: str, length: int
    ) -> Tokens:
        """Windows on each context; one without the whole answer says: the first token."""
        rows: list[Sequence[int]] = []
        starts, ends, weights, of = [], [], [], []
        encoded = self._encoded(examples, tokenizer, length)
        for number, (example, each) in enumerate(zip(examples, encoded, strict=True)):
            for row, spans in zip(each.rows, each.spans, strict=True):
                start, end = _place(example.answers[:1], spans)
                rows.append(row)
                starts.append(start)
                ends.append(end)
                weights.append(example.weight)
                of.append(number)
        return Tokens(
            padded(rows),
            {"start": np.array(starts, np.int32), "end": np.array(ends, np.int32)},
            np.array(weights, np.float32),
            np.array(of, np.int32),
        )

    def judge(
        self,
        examples: Sequence[Example],
        tokenizer: str,
        length: int,
        outputs: Sequence[np.ndarray],
    ) -> Judged:
        served = Served(load_tokenizer(tokenizer), longest=length)
        rows = iter(outputs)
        answers = [
            served.answer(each, [next(rows) for _ in each.rows])
            for each in self._encoded(examples, tokenizer, length)
        ]
        said = [answer["answer"] for answer in answers]
        return Judged(
            answers,
            {
                "exact_match": _scores(exact_match, said, examples),
                "f1": _scores(f1, said, examples),
            },
        )

    def _encoded(
        self, examples: Sequence[Example], tokenizer: str, length: int
    ) -> Sequence[Encoded]:
        served = Served(load_tokenizer(tokenizer), longest=length)
        return served.encode([Item(*example.texts) for example in examples])


def _place(answers: Sequence[Answer], spans: Sequence[Span | None]) -> tuple[int, int]:
    """The window's first and last token of the answer; (0, 0) if it is not all there."""
    for answer in answers:
        end = answer.start + len(answer.text)
        inside = [
            place
            for place, span in enumerate(spans)
            if span is not None and span[0] < end and span[1] > answer.start
        ]
        if inside and _covers(spans[inside[0]], spans[inside[-1]], answer.start, end):
            return inside[0], inside[-1]
    return 0, 0


def _covers(first: Span | None, last: Span | None, start: int, end: int) -> bool:
    return (
        first is not None and last is not None and first[0] <= start and last[1] >= end
    )


def _scores(
    score: Callable[[str, str], float], said: Sequence[str], examples: Sequence[Example]
) -> np.ndarray:
    """The best over each example's right answers: float [examples]."""
    return np.array(
        [
            max(score(found, answer.text) for answer in example.answers)
            for found, example in zip(said, examples, strict=True)
        ]
    )


def normalise(text: str) -> str:
    """SQuAD's evaluation: no case, punctuation or articles, single spaces."""
    plain = text.lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", plain).split())


def exact_match(found: str, right: str) -> float:
    return float(normalise(found) == normalise(right))


def f1(found: str, right: str) -> float:
    """The harmonic mean of precision and recall over words, with repetition.

    As the official script for v1.1 has it, nothing said about nothing is 0.
    """
    ours, theirs = normalise(found).split(), normalise(right).split()
    shared = sum((Counter(ours) & Counter(theirs)).values())
    return 2 * shared / (len(ours) + len(theirs)) if shared else 0.0
