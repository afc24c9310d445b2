"""A tokenizer that is rewritten still cuts every text, and pads with 0."""

from __future__ import annotations

import json

import numpy as np
import pytest

from model_build.vocabulary import (
    TokenizerError,
    cut_at,
    load_tokenizer,
    pair_separator,
    renumber,
    side_of,
    special_ids,
)
from tests.model_build.conftest import VOCABULARY, tiny_tokenizer
from tests.model_build.test_architectures import byte_level_tokenizer


def test_ids_are_exchanged_and_texts_cut_as_before() -> None:
    old = byte_level_tokenizer()
    order = np.arange(old.get_vocab_size())
    order[[0, 1]] = order[[1, 0]]
    text = renumber(old.to_str(), order)
    new = load_tokenizer(text)
    for added in json.loads(text)["added_tokens"]:
        assert added["id"] == new.token_to_id(added["content"])
    for text in ("the other order", "<s> is text", "é 你好"):
        before = load_tokenizer(old.to_str()).encode(text, text).ids
        assert [order[i] for i in new.encode(text, text).ids] == before
    assert new.token_to_id("<pad>") == 0


def test_a_piece_that_is_gone_is_cut_into_those_that_stay() -> None:
    old = byte_level_tokenizer()
    gone = old.token_to_id("th")
    order = np.array([i for i in range(old.get_vocab_size()) if i != gone])
    new = load_tokenizer(renumber(old.to_str(), order))
    assert new.encode("other").tokens[1:-1] == ["o", "t", "h", "er"]
    assert "".join(new.encode("the other").tokens[1:-1]) == "theĠother"


def test_a_word_that_is_gone_is_unknown() -> None:
    order = np.array([i for i, p in enumerate(VOCABULARY) if p != "bag"])
    new = load_tokenizer(renumber(tiny_tokenizer().to_str(), order))
    assert new.encode("my bag").tokens == ["[CLS]", "my", "[UNK]", "[SEP]"]
    assert max(new.get_vocab().values()) == len(VOCABULARY) - 2


def test_a_special_token_must_stay() -> None:
    with pytest.raises(TokenizerError, match=r"'\[SEP\]', id 3, is a special token"):
        renumber(tiny_tokenizer().to_str(), np.array([0, 1, 2, 4, 5]))


def test_special_ids_are_padding_unknown_and_what_stands_around() -> None:
    assert special_ids(tiny_tokenizer().to_str()) == {0, 1, 2, 3}
    assert special_ids(byte_level_tokenizer().to_str()) == {0, 1, 2, 3}


def test_where_a_text_is_cut_is_in_the_file_and_stays_there() -> None:
    # red if renumber() drops what it does not know
    text = tiny_tokenizer().to_str()
    assert side_of(text) == "end"
    start = cut_at(text, "start")
    assert side_of(start) == side_of(renumber(start, np.arange(len(VOCABULARY))))
    assert side_of(start) == "start"
    assert side_of(cut_at(start, "end")) == "end"
    assert len(load_tokenizer(start).encode("my " * 600).ids) == 602


def test_what_stands_between_two_texts_is_found() -> None:
    assert pair_separator(tiny_tokenizer().to_str()) == 3
    assert pair_separator(byte_level_tokenizer().to_str()) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"post_processor": None}, "puts nothing between two texts"),
        ({"model": {"type": "Unigram", "vocab": [["a", -1.0]]}}, "Unigram is not"),
        ({"model": 3}, "not a tokenizer"),
    ],
)
def test_a_tokenizer_of_another_kind_is_refused(
    changes: dict[str, object], message: str
) -> None:
    text = json.dumps(json.loads(tiny_tokenizer().to_str()) | changes)
    with pytest.raises(TokenizerError, match=message):
        _read(text)


def _read(text: str) -> None:
    pair_separator(text)
    renumber(text, np.arange(3))
