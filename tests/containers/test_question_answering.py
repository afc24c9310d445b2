"""A question's answer comes from the context, wherever its windows are cut."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from tokenizers import Tokenizer
from werkzeug.exceptions import BadRequest

from containers.flask.artifact import StartError
from containers.flask.question_answering import (
    MAX_ANSWER,
    MAX_WINDOWS,
    QuestionAnswering,
)
from containers.flask.task import Encoded, Item, read_tokenizer
from tests.containers.conftest import TINY

LONGEST = 32
WORDS = [
    "my",
    "order",
    "never",
    "came",
    "ünïcödé",
    "☃",
    "😀",
    "phone,",
    "support.",
    "Denver?",
    "[SEP]",
    "a\n\tb",
]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return read_tokenizer(TINY / "litert/tokenizer.json")


@pytest.fixture(scope="module")
def task(tokenizer: Tokenizer) -> QuestionAnswering:
    return QuestionAnswering(tokenizer, longest=LONGEST)


def encode(task: QuestionAnswering, question: str, context: str) -> Encoded:
    (encoded,) = task.encode([Item(question, context)])
    return encoded


def guesses(encoded: Encoded, seed: int) -> list[NDArray[np.float32]]:
    """Any logits, as long as a bucket: what stands on padding must not matter."""
    noise = np.random.default_rng(seed)
    return [noise.normal(0, 5, (LONGEST, 2)).astype("float32") for _ in encoded.rows]


def pointing(
    encoded: Encoded, first: tuple[int, int], last: tuple[int, int]
) -> list[NDArray[np.float32]]:
    """Logits of a model that is sure of these two tokens, in whichever window."""
    outputs = []
    for spans in encoded.spans:
        logits = np.zeros((LONGEST, 2), np.float32)
        for place, span in enumerate(spans):
            if span is not None:
                logits[place] = 9 * (span == first), 9 * (span == last)
        outputs.append(logits)
    return outputs


def sentence(words: random.Random, count: int) -> str:
    return " ".join(words.choices(WORDS, k=count))


def test_a_row_is_the_question_and_a_window_between_marks(
    task: QuestionAnswering, tokenizer: Tokenizer
) -> None:
    encoded = encode(task, "my order", "it never came")
    assert len(encoded.rows) == 1
    marks = [tokenizer.token_to_id(name) for name in ("[CLS]", "[SEP]")]
    question, context = (
        tokenizer.encode(text, add_special_tokens=False).ids for text in encoded.item
    )
    assert encoded.rows[0] == [marks[0], *question, marks[1], *context, marks[1]]


def test_an_answer_is_a_stretch_of_the_context_whatever_the_model_says(
    task: QuestionAnswering,
) -> None:
    words = random.Random(3)
    for seed in range(300):
        question, context = sentence(words, 4), sentence(words, words.randint(1, 80))
        encoded = encode(task, question, context)
        answer = task.answer(encoded, guesses(encoded, seed))
        assert answer["answer"] == context[answer["start"] : answer["end"]]
        assert 0 <= answer["start"] < answer["end"] <= len(context)
        assert 0 < answer["score"] <= 1


def test_every_short_answer_is_found_wherever_it_stands(
    task: QuestionAnswering, tokenizer: Tokenizer
) -> None:
    context = sentence(random.Random(5), 60)
    spans = tokenizer.encode(context, add_special_tokens=False).offsets
    encoded = encode(task, "who called?", context)
    assert len(encoded.rows) > 5, "a test of nothing"
    for first, last in zip(spans, spans[4:], strict=False):
        answer = task.answer(encoded, pointing(encoded, first, last))
        assert (answer["start"], answer["end"]) == (first[0], last[1])
        assert answer["score"] > 0.9


def test_windows_hold_every_token_and_fit_the_longest_signature(
    task: QuestionAnswering, tokenizer: Tokenizer
) -> None:
    words = random.Random(7)
    for count in range(1, 120, 7):
        context = sentence(words, count)
        encoded = encode(task, sentence(words, words.randint(1, 60)), context)
        held = {span for spans in encoded.spans for span in spans if span is not None}
        wanted = tokenizer.encode(context, add_special_tokens=False).offsets
        assert held == set(wanted)
        for row, spans in zip(encoded.rows, encoded.spans, strict=True):
            assert len(row) == len(spans) <= LONGEST


def test_an_answer_begins_before_it_ends_and_is_not_endless(
    tokenizer: Tokenizer,
) -> None:
    task = QuestionAnswering(tokenizer, longest=96)
    encoded = encode(task, "a", "a " * 80)
    logits = np.zeros((96, 2), np.float32)
    logits[60, 0] = logits[15, 1] = 50  # an end before its start
    logits[20, 0] = logits[70, 1] = 40  # 50 tokens
    answer = task.answer(encoded, [logits])
    assert 0 < len(answer["answer"].split()) <= MAX_ANSWER


def test_the_same_words_in_two_windows_are_one_answer(task: QuestionAnswering) -> None:
    context = sentence(random.Random(5), 60)
    encoded = encode(task, "who?", context)
    inside = set(encoded.spans[0]) & set(encoded.spans[1]) - {None}
    shared = min(span for span in inside if span is not None)
    answer = task.answer(encoded, pointing(encoded, shared, shared))
    assert answer["score"] > 0.9


def test_a_context_without_a_token_has_no_answer(task: QuestionAnswering) -> None:
    encoded = encode(task, "who?", "\x00\x01")
    assert len(encoded.rows) == 1, "the hot path counts on a row"
    answer = task.answer(encoded, guesses(encoded, 1))
    assert answer == {"answer": "", "score": 0.0, "start": 0, "end": 0}


def test_a_context_of_too_many_windows_is_refused(task: QuestionAnswering) -> None:
    with pytest.raises(BadRequest, match=r"context: 5000 tokens .* \d+ allowed"):
        encode(task, "who?", "a " * 5000)
    allowed = refusal(task, "a " * 5000)
    assert len(encode(task, "who?", "a " * allowed).rows) == MAX_WINDOWS


def refusal(task: QuestionAnswering, context: str) -> int:
    with pytest.raises(BadRequest) as error:
        encode(task, "who?", context)
    return int(str(error.value.description).split()[-2])


@pytest.mark.parametrize(
    ("instance", "message"),
    [
        ("who?", "instances[0]: a string is not an object"),
        ({"question": "who?"}, "instances[0]: keys ['question'] are not"),
        ({"question": 1, "context": "x"}, "instances[0].question: a number is not"),
        ({"question": "who?", "context": " "}, "instances[0].context: empty text"),
        ({"question": "\ud800", "context": "x"}, "a lone surrogate"),
    ],
)
def test_refuses_what_is_no_question_in_its_context(
    task: QuestionAnswering, instance: object, message: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        task.read(instance, "instances[0]")
    assert message in str(refused.value.description)


def test_refuses_signatures_that_no_pair_fits(tokenizer: Tokenizer) -> None:
    with pytest.raises(StartError, match="lengths: a pair does not fit into 7 tokens"):
        QuestionAnswering(tokenizer, longest=7)


def test_a_batch_of_questions_is_encoded_as_each_alone(task: QuestionAnswering) -> None:
    words = random.Random(11)
    items: Sequence[Item] = [
        Item(sentence(words, words.randint(1, 30)), sentence(words, count))
        for count in range(1, 60, 5)
    ]
    assert task.encode(items) == [task.encode([item])[0] for item in items]
