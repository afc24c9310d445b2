"""A text or a pair of them is one row, cut where training cut it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from werkzeug.exceptions import BadRequest

from containers.flask.classification import Classification
from containers.flask.engine import Engine
from containers.flask.predictor import Predictor
from containers.flask.task import Item, load_task, read_tokenizer
from manifest import Manifest
from tests.containers.conftest import TINY

LONGEST = 16


def task(*, pairs: bool) -> Classification:
    tokenizer = read_tokenizer(TINY / "litert/tokenizer.json")
    return Classification(
        tokenizer, labels=("bad", "good"), longest=LONGEST, pairs=pairs
    )


def row(text: str, pair: str = "") -> list[int]:
    (encoded,) = task(pairs=bool(pair)).encode([Item(text, pair)])
    (ids,) = encoded.rows
    return ids


def test_a_pair_is_two_texts_between_marks() -> None:
    tokenizer = read_tokenizer(TINY / "litert/tokenizer.json")
    separator = tokenizer.token_to_id("[SEP]")
    one, other, both = row("my order"), row("never came"), row("my order", "never came")
    assert both == [*one, *other[1:]]
    assert both.count(separator) == 2


def test_of_two_texts_the_longer_is_cut_first() -> None:
    # red with another strategy: the short one would lose words that fit
    short, long = row("my order"), row("never came " * 30)
    assert len(long) == LONGEST
    assert row("my order", "never came " * 30)[: len(short)] == short
    assert row("never came " * 30, "my order")[-len(short) + 1 :] == short[1:]


def test_a_text_is_cut_at_the_side_that_the_tokenizer_says(tmp_path: Path) -> None:
    # red if the file's direction is not read: an opinion may stand at the end
    raw = json.loads((TINY / "litert/tokenizer.json").read_text())
    raw["truncation"] = {
        "direction": "Left",
        "max_length": 512,
        "strategy": "LongestFirst",
        "stride": 0,
    }
    (tmp_path / "tokenizer.json").write_text(json.dumps(raw))
    cut = Classification(
        read_tokenizer(tmp_path / "tokenizer.json"),
        labels=("bad", "good"),
        longest=LONGEST,
    )
    (encoded,) = cut.encode([Item("never came " * 30 + "my order")])
    (ids,) = encoded.rows
    assert len(ids) == LONGEST
    assert ids[-len(row("my order")) + 1 :] == row("my order")[1:]


def test_a_separator_that_somebody_typed_is_text() -> None:
    # red if special tokens are read in texts: the second text would begin there
    tokenizer = read_tokenizer(TINY / "litert/tokenizer.json")
    separator = tokenizer.token_to_id("[SEP]")
    assert row("my [SEP] order", "never [SEP] came").count(separator) == 2


@pytest.mark.parametrize(
    ("instance", "message"),
    [
        ("a", "instances[0]: a string is not an object; wanted"),
        ({"text": "a"}, "instances[0]: keys ['text'] are not ['pair', 'text']"),
        ({"text": "a", "pair": " "}, "instances[0].pair: empty text"),
        ({"text": 1, "pair": "b"}, "instances[0].text: a number is not a string"),
    ],
)
def test_refuses_what_is_no_pair(instance: Any, message: str) -> None:
    with pytest.raises(BadRequest) as refused:
        task(pairs=True).read(instance, "instances[0]")
    assert message in str(refused.value.description)


def test_a_pair_is_answered_with_a_label_and_another_order_with_another_score(
    tiny_manifest: Manifest, tiny_engine: Engine
) -> None:
    manifest = replace(tiny_manifest, task="pair-classification")
    predictor = Predictor(load_task(manifest, TINY), tiny_engine, manifest.lengths)
    pair = {"text": "My order never came.", "pair": "Great flight!"}
    turned = {"text": pair["pair"], "pair": pair["text"]}
    first, second = predictor.predict([pair, turned])
    assert {first["label"], second["label"]} <= set(manifest.labels)
    assert first["score"] != second["score"]
