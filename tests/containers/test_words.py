"""Words put together are what the tokenizer makes of the whole text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from containers.flask.classification import Classification
from containers.flask.task import Item, read_tokenizer
from containers.flask.words import KEPT_CHARACTERS, KEPT_WORDS, Words, are_apart
from tests.containers.conftest import TINY

LONGEST = 16
MESSAGES = Path(__file__).parents[2] / "bench/messages.txt"


def tokenizer(side: str = "right") -> Tokenizer:
    found = read_tokenizer(TINY / "litert/tokenizer.json")
    found.enable_truncation(LONGEST, direction=side)
    return found


def words_of(side: str = "right") -> Words:
    return Words(tokenizer(side), longest=LONGEST, side=side)


@pytest.mark.parametrize("side", ["right", "left"])
@given(
    st.text(
        st.characters(codec="utf-8")  # spaces, marks and letters together
        | st.sampled_from(" \t\n\u00a0\u3000\u200b\x1c\x85.,'-#İßΣς\u0301你ﬁ")
    )
)
@example("my order never came back " * 9)
@example("[SEP] my[SEP]order [CLS] [UNK]")
@example("never " + "came" * KEPT_CHARACTERS)
@example("e \u0301e\u0301  ΟΔΟΣ ΟΔΟΣ. ")
@example("a\tb\u00a0c\u2003d\x1ce\x85f")
@example("")
def test_a_row_is_the_tokenizer_s(side: str, text: str) -> None:
    # red if words are parted where the tokenizer looks across, or cut at another side
    plain = tokenizer(side)
    words = words_of(side)
    wanted = plain.encode(text).ids
    assert words.row(text) == wanted
    assert words.row(text) == wanted  # and from what was kept


def test_rows_of_real_messages_are_the_tokenizer_s() -> None:
    plain, words = tokenizer(), words_of()
    for text in MESSAGES.read_text().splitlines():
        assert words.row(text) == plain.encode(text).ids


def test_what_is_kept_has_a_bound() -> None:
    # red if a stranger's made-up words stay for ever
    words = words_of()
    for number in range(KEPT_WORDS + 100):
        words.row(f"w{number}")
    words.row("x" * (KEPT_CHARACTERS + 1))
    kept = words._kept.cache_info()
    assert (kept.currsize, kept.misses) == (KEPT_WORDS, KEPT_WORDS + 100)


def with_an_added_word(found: Tokenizer) -> None:
    found.add_tokens(["never came"])


def with_special_tokens_in_texts(found: Tokenizer) -> None:
    found.encode_special_tokens = False


def with_words_that_begin_with_their_space(found: Tokenizer) -> None:
    found.pre_tokenizer = pre_tokenizers.ByteLevel()


def with_a_normalizer_of_spaces(found: Tokenizer) -> None:
    found.normalizer = normalizers.Strip()


def with_other_pieces(found: Tokenizer) -> None:
    found.model = models.Unigram([("a", 0.0)], unk_id=0)


def test_a_tokenizer_like_bert_s_has_words_apart() -> None:
    assert are_apart(tokenizer())


@pytest.mark.parametrize(
    "changed",
    [
        with_an_added_word,
        with_special_tokens_in_texts,
        with_words_that_begin_with_their_space,
        with_a_normalizer_of_spaces,
        with_other_pieces,
    ],
)
def test_any_other_tokenizer_reads_texts_whole(
    changed: Callable[[Tokenizer], None],
) -> None:
    other = tokenizer()
    changed(other)
    assert not are_apart(other)


def test_a_task_whose_words_are_not_apart_asks_its_tokenizer() -> None:
    # red if Words are asked all the same: "never came" would be two tokens
    other = tokenizer()
    other.add_tokens(["never came"])
    task = Classification(other, labels=("bad", "good"), longest=LONGEST)
    (encoded,) = task.encode([Item("it never came")])
    assert other.token_to_id("never came") in encoded.rows[0]
