"""The examples that a report shows as lost."""

from __future__ import annotations

import numpy as np

from model_build.examples import Answer, Example
from model_build.lost import LONGEST, SHOWN, hardest
from model_build.tasks import Judged

LABELS = ("bad", "good")


def judged(right: list[float], scores: list[float]) -> Judged:
    """Answers to examples that are all good."""
    answers = [
        {"label": LABELS[int(each)], "score": score}
        for each, score in zip(right, scores, strict=True)
    ]
    return Judged(answers, {"accuracy": np.array(right)})


def test_only_what_the_baseline_has_right_is_lost_and_the_surest_come_first() -> None:
    """Red if the two models change places, or the order is turned round."""
    examples = [Example((f"text {place}",), 1) for place in range(5)]
    baseline = judged([1, 1, 0, 1, 1], [0.6, 0.9, 0.9, 0.9, 0.99])
    own = judged([0, 0, 0, 1, 0], [0.6, 0.9, 0.9, 0.9, 0.7])
    found = hardest(examples, LABELS, own, baseline)
    assert [each.texts[0] for each in found] == ["text 1", "text 4", "text 0"]
    assert found[0].right == ["good"]
    assert (found[0].baseline.answer, found[0].baseline.score) == ("good", 0.9)
    assert (found[0].own.answer, found[0].own.score) == ("bad", 0.9)


def test_no_more_are_shown_than_fit() -> None:
    examples = [Example(("text",), 1)] * 99
    found = hardest(
        examples, LABELS, judged([0] * 99, [0.5] * 99), judged([1] * 99, [0.5] * 99)
    )
    assert len(found) == SHOWN


def test_of_words_those_with_the_fewest_right_come_first_beside_their_context() -> None:
    """Red if the context is cut at its beginning: its answer is out of sight then."""
    context = "x " * 1000 + "in Paris" + " y" * 1000
    example = Example(
        ("Where?", context), -1, (Answer("Paris", 2003), Answer("in Paris", 2000))
    )
    said = [
        {"answer": "Paris", "score": 0.9, "start": 0, "end": 5},
        {"answer": "", "score": 0.2, "start": 0, "end": 0},
    ]
    own = Judged(said, {"exact_match": np.array([0.0, 0.0]), "f1": np.array([0.5, 0])})
    baseline = Judged(
        [{"answer": "Paris", "score": 0.4}] * 2,
        {"exact_match": np.ones(2), "f1": np.ones(2)},
    )
    found = hardest([example, example], (), own, baseline)
    assert [each.own.answer for each in found] == ["", "Paris"]
    assert found[0].right == ["Paris", "in Paris"]
    question, shown = found[0].texts
    assert question == "Where?"
    assert "in Paris" in shown
    assert (shown[0], shown[-1], len(shown)) == ("…", "…", LONGEST + 2)
