"""A model learns from the rows that its server makes, and is scored as is published."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from containers.flask import classification, question_answering
from containers.flask.task import read_tokenizer
from model_build.cleaning import Side
from model_build.examples import Answer, Example
from model_build.tasks import task_of
from model_build.tasks.classification import Classification
from model_build.tasks.question_answering import (
    QuestionAnswering,
    exact_match,
    f1,
    normalise,
)
from model_build.vocabulary import cut_at, load_tokenizer
from tests.model_build.conftest import BAD, GOOD, OTHER, tiny_tokenizer
from tests.model_build.test_architectures import byte_level_tokenizer

LENGTH = 24
TOKENIZERS = {"WordPiece": tiny_tokenizer, "byte-level BPE": byte_level_tokenizer}


@pytest.fixture(params=TOKENIZERS)
def tokenizer(request: pytest.FixtureRequest) -> str:
    """A tokenizer.json of BERT's kind, and one of RoBERTa's."""
    made: Tokenizer = TOKENIZERS[request.param]()
    return made.to_str()


@pytest.fixture
def length(tokenizer: str) -> int:
    """Tokens for half a context, whose words are of one token, or of a letter each."""
    return LENGTH if "WordPiece" in tokenizer else 160


def sentence(words: random.Random, count: int) -> str:
    return " ".join(
        words.choices([*GOOD, *BAD, *OTHER, "Émile", "你好", "x-y."], k=count)
    )


def question(words: random.Random, count: int) -> Example:
    """A question whose answer is one to four words of its context."""
    context = sentence(words, count)
    starts = [0, *(i + 1 for i, sign in enumerate(context) if sign == " ")]
    first = words.randrange(len(starts))
    text = " ".join(context[starts[first] :].split(" ")[: words.randint(1, 4)])
    return Example(
        (sentence(words, 5), context), answers=(Answer(text, starts[first]),)
    )


@pytest.fixture
def questions() -> list[Example]:
    words = random.Random(3)
    return [question(words, words.randint(1, 60)) for _ in range(40)]


# What the official script for SQuAD v1.1 gives, as others have published it.
PUBLISHED = [
    # the metric card of `squad` (Hugging Face, evaluate)
    ("1976", ["1976"], 1.0, 1.0),
    ("Beyonce", ["Beyoncé and Bruno Mars"], 0.0, 0.0),
    ("climate change", ["climate change"], 1.0, 1.0),
    # AllenNLP's test of SquadEmAndF1
    ("this is the best span", ["this is a good span", "something irrelevant"], 0, 0.75),
]


@pytest.mark.parametrize(("found", "right", "exact", "words"), PUBLISHED)
def test_scores_are_those_that_are_published(
    found: str, right: list[str], exact: float, words: float
) -> None:
    # red if articles stay in normalise(), or the mean over answers is taken
    assert max(exact_match(found, text) for text in right) == exact
    assert max(f1(found, text) for text in right) == pytest.approx(words)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("The  quick, brown fox!", "quick brown fox"),
        ("An apple a day", "apple day"),
        ("the-atre", "theatre"),  # punctuation goes before articles do
        ("“quoted”", "“quoted”"),  # only ASCII's punctuation goes
        ("A", ""),
        ("THEATRE\n\tan", "theatre"),
    ],
)
def test_answers_are_normalised_as_officially(text: str, plain: str) -> None:
    assert normalise(text) == plain


def test_words_count_as_often_as_they_are_said() -> None:
    # red with sets for counters; and nothing against nothing is 0 in v1.1, 1 in v2.0
    assert f1("new new york", "new york") == pytest.approx(2 * 2 / 5)
    assert f1("the", "a") == 0.0
    assert exact_match("the", "a") == 1.0


def test_the_best_of_several_right_answers_counts() -> None:
    task = QuestionAnswering()
    context = "my bag was lost"
    example = Example(
        ("who?", context), answers=(Answer("lost", 11), Answer("my bag", 0))
    )
    tokens = task.encode([example], tiny_tokenizer().to_str(), LENGTH)
    logits = pointing(tokens.ids.shape[1], start=4, end=5)  # [CLS] who ? [SEP] my bag
    judged = task.judge([example], tiny_tokenizer().to_str(), LENGTH, [logits])
    assert judged.answers[0]["answer"] == "my bag"
    assert judged.figures["exact_match"].tolist() == [1.0]


def pointing(length: int, *, start: int, end: int) -> np.ndarray:
    logits = np.zeros((length, 2), np.float32)
    logits[start, 0] = logits[end, 1] = 9.0
    return logits


def test_what_is_learnt_of_a_window_is_the_answer(
    questions: list[Example], tokenizer: str, length: int
) -> None:
    """A model that says just what it was taught is always right."""
    # red if a target is one token off, or a part of an answer is taught as the whole
    task = QuestionAnswering()
    tokens = task.encode(questions, tokenizer, length)
    assert len(tokens) > 1.5 * len(questions), "a test of nothing"
    taught = zip(tokens.targets["start"], tokens.targets["end"], strict=True)
    outputs = [
        # The first token is no answer: there all answers are as good as each other.
        pointing(length, start=start, end=end) if start else np.zeros((length, 2))
        for start, end in taught
    ]
    judged = task.judge(questions, tokenizer, length, outputs)
    assert judged.figures["exact_match"].mean() == 1.0
    for example, answer in zip(questions, judged.answers, strict=True):
        assert answer["start"] == example.answers[0].start
        assert answer["answer"] == example.answers[0].text


def test_an_answer_may_be_a_part_of_a_word(tokenizer: str) -> None:
    # red if the token before, which ends where the answer begins, is taught with it
    example = Example(("what?", "my lost-bag."), answers=(Answer("bag", 8),))
    task = QuestionAnswering()
    tokens = task.encode([example], tokenizer, 64)
    (start,), (end,) = tokens.targets["start"], tokens.targets["end"]
    taught = pointing(64, start=start, end=end)
    judged = task.judge([example], tokenizer, 64, [taught])
    assert judged.answers[0]["answer"] == "bag"


def test_an_answer_is_never_empty_whatever_the_model_says(
    questions: list[Example], tokenizer: str, length: int
) -> None:
    # red if a space that is a token of its own (byte-level BPE) is an answer
    task = QuestionAnswering()
    noise = np.random.default_rng(1)
    rows = len(task.encode(questions, tokenizer, length))
    outputs = [noise.normal(0, 5, (length, 2)) for _ in range(rows)]
    judged = task.judge(questions, tokenizer, length, outputs)
    assert all(answer["answer"].strip() for answer in judged.answers)


def test_every_question_is_taught_its_answer_somewhere(
    questions: list[Example], tokenizer: str, length: int
) -> None:
    tokens = QuestionAnswering().encode(questions, tokenizer, length)
    found = tokens.targets["start"] > 0
    assert set(tokens.examples[found]) == set(range(len(questions)))
    assert not found.all(), "windows without the answer are taught as well"
    assert (tokens.targets["end"][~found] == 0).all()


def test_a_single_window_is_what_the_tokenizer_makes_of_a_pair(tokenizer: str) -> None:
    # red if _around() takes one of RoBERTa's two separators
    loaded = load_tokenizer(tokenizer)
    example = Example(("my bag?", "the bag was lost"), answers=(Answer("bag", 4),))
    tokens = QuestionAnswering().encode([example], tokenizer, 64)
    assert tokens.ids.tolist() == [loaded.encode(*example.texts).ids]


@pytest.mark.parametrize("side", ["start", "end"])
@pytest.mark.parametrize("texts", [1, 2])
def test_a_model_is_trained_on_the_rows_that_its_server_makes(
    tokenizer: str, texts: int, side: Side, tmp_path: Path
) -> None:
    # red if training or the server cuts elsewhere than the tokenizer says
    tokenizer = cut_at(tokenizer, side)
    (tmp_path / "tokenizer.json").write_text(tokenizer)
    words = random.Random(5)
    examples = [
        Example(tuple(sentence(words, words.randint(1, 30)) for _ in range(texts)), 0)
        for _ in range(50)
    ]
    task = Classification(("bad", "good"), texts)
    server = classification.Classification(
        read_tokenizer(tmp_path / "tokenizer.json"),
        labels=("bad", "good"),
        longest=LENGTH,
        pairs=texts == 2,
    )
    items = [server.read(task.instance(e), "here") for e in examples]
    rows = [encoded.rows[0] for encoded in server.encode(items)]
    tokens = task.encode(examples, tokenizer, LENGTH)
    assert any(len(row) == LENGTH for row in rows)
    assert [unpadded(row) for row in tokens.ids] == [unpadded(row) for row in rows]


def unpadded(row: Sequence[int]) -> list[int]:
    ids = [int(each) for each in row]
    while ids and ids[-1] == 0:
        ids.pop()
    return ids


@pytest.mark.parametrize(("side", "left"), [("start", OTHER[-6:]), ("end", OTHER[:6])])
def test_what_does_not_fit_is_cut_where_the_tokenizer_says(
    side: Side, left: tuple[str, ...]
) -> None:
    # red if load_tokenizer() forgets the file's direction
    loaded = tiny_tokenizer()
    long = Example((" ".join(OTHER * 5),), 0)
    text = cut_at(loaded.to_str(), side)
    tokens = Classification(("a", "b")).encode([long], text, 8)
    pieces = [loaded.id_to_token(place) for place in tokens.ids[0]]
    assert pieces == ["[CLS]", *left, "[SEP]"]


def test_questions_are_asked_as_the_server_reads_them(questions: list[Example]) -> None:
    task = task_of("question-answering", (), ("question", "context"))
    server = question_answering.QuestionAnswering(
        load_tokenizer(tiny_tokenizer().to_str()), longest=LENGTH
    )
    for example in questions:
        assert tuple(server.read(task.instance(example), "here")) == example.texts


def test_answers_are_judged_with_their_probabilities() -> None:
    task = Classification(("bad", "good"))
    examples = [Example(("a",), 0), Example(("b",), 1), Example(("c",), 0)]
    shares = [np.array(row) for row in ([0.9, 0.1], [0.6, 0.4], [0.25, 0.75])]
    judged = task.judge(examples, "", 8, shares)
    assert judged.figures["accuracy"].tolist() == [1.0, 0.0, 0.0]
    assert judged.answers[2] == {"label": "good", "score": 0.75}
