"""The examples that a smaller model no longer gets right, the hardest to excuse first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model_build.examples import Example
from model_build.tasks import Judged

SHOWN = 12
LONGEST = 400  # characters of a text that are shown


@dataclass(frozen=True)
class Said:
    answer: str
    score: float  # the model's own probability


@dataclass(frozen=True)
class Lost:
    """An example that the baseline has right and another variant wrong."""

    texts: Sequence[str]  # cut to what fits a page
    right: Sequence[str]
    baseline: Said
    own: Said


def hardest(
    examples: Sequence[Example],
    labels: Sequence[str],
    own: Judged,
    baseline: Judged,
) -> list[Lost]:
    """Return what was lost, where both models were surest first.

    Right is the first figure of each; of words, those with the fewest right come first.
    """
    right, before = (next(iter(each.figures.values())) for each in (own, baseline))
    finest = [*own.figures.values()][-1]
    sure = np.array([a["score"] for a in own.answers])
    sure = sure + np.array([a["score"] for a in baseline.answers])
    lost = np.flatnonzero((before == 1) & (right < 1))
    order = lost[np.lexsort((lost, -sure[lost], finest[lost]))]
    return [
        Lost(
            _texts(examples[place]),
            _right(examples[place], labels),
            _said(baseline, place),
            _said(own, place),
        )
        for place in order[:SHOWN]
    ]


def _said(judged: Judged, place: int) -> Said:
    answer = judged.answers[place]
    return Said(answer.get("label", answer.get("answer")), float(answer["score"]))


def _right(example: Example, labels: Sequence[str]) -> list[str]:
    if labels:
        return [labels[example.label]]
    return [*dict.fromkeys(answer.text for answer in example.answers)]


def _texts(example: Example) -> list[str]:
    """Texts cut to LONGEST; a context around its answer."""
    middle = example.answers[0].start if example.answers else 0
    *first, last = example.texts
    return [*(_cut(text, 0) for text in first), _cut(last, middle)]


def _cut(text: str, middle: int) -> str:
    if len(text) <= LONGEST:
        return text
    begin = min(max(0, middle - LONGEST // 2), len(text) - LONGEST)
    before, after = "…" * (begin > 0), "…" * (begin + LONGEST < len(text))
    return f"{before}{text[begin : begin + LONGEST]}{after}"
