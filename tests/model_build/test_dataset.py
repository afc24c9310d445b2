"""Splits do not leak, labels are checked, and bad rows are named."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_build.augmentation import Augmentation
from model_build.cleaning import distinct, family, parts_of, without_breaks
from model_build.dataset import Data, Table, read_dataset
from model_build.examples import Answer, Dataset, Example
from model_build.rows import DataError

LABELS = ("bad", "good")


def jsonl(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def data(**changes: object) -> Data:
    return Data(**{"source": "file:x", **changes})  # type: ignore[arg-type]


def read(path: Path, labels: tuple[str, ...] = LABELS, **changes: object) -> Dataset:
    """The examples of `path`; a table whose source names another file is beside it."""
    return read_dataset(
        data(**changes),
        labels,
        lambda t: path if t.source == "file:x" else path.parent / t.source[5:],
    )


def many(count: int = 300) -> list[dict[str, object]]:
    return [
        {
            "text": f"message {chr(97 + i % 26)}{chr(97 + i // 26)} about it",
            "label": LABELS[i % 2],
        }
        for i in range(count)
    ]


@given(
    st.text(),
    st.sampled_from(["RT @someone: {}", "{} http://t.co/x1", "@a {}", "{}!!"]),
)
def test_a_retweet_is_on_the_side_of_its_original(text: str, form: str) -> None:
    original = f"a message that somebody wrote for us to read {text}"
    assert family(Example((form.format(original),))) == family(Example((original,)))


def test_near_duplicates_are_one_example_and_the_surest_label_stays() -> None:
    unsure = Example(("Lost my bag!",), 0, weight=0.6)
    sure = Example(("@air lost my bag http://t.co/1",), 0)
    assert distinct([unsure, sure], "near") == [sure]
    assert distinct([unsure, sure], "exact") == [unsure, sure]
    assert distinct([sure, sure], "keep") == [sure, sure]


def test_a_message_labelled_in_two_ways_is_dropped() -> None:
    said = [Example(("well done",), 0), Example(("Well done!",), 1)]
    assert distinct(said, "near") == []


def test_a_line_break_is_a_space() -> None:
    assert without_breaks("Good. <br /><br />Bad.<BR>So-so.") == "Good. Bad. So-so."


def test_splits_are_the_same_every_time_and_share_no_message(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "x.jsonl", many())
    first, again = (read(path) for _ in range(2))
    assert first.digest == again.digest
    splits = [{e.texts for e in s} for s in (first.train, first.validation, first.test)]
    assert sum(map(len, splits)) == len(set.union(*splits)) == 300


def test_a_part_is_words_in_a_row_of_a_longer_text() -> None:
    whole = Example(("The film is a joy, from the first frame!",))
    row, inside, apart, odd = (
        Example((text,))
        for text in ("the film", "A joy from the", "the first joy", "joy, from th")
    )
    among = [whole, row, inside, apart, odd]
    assert parts_of([whole], among, 1) == {*row.texts, *inside.texts}
    assert parts_of([whole], among, 3) == {*inside.texts}
    assert parts_of([], among, 1) == set()


def sentences_and_parts(count: int = 120) -> list[dict[str, object]]:
    """Sentences of eight words, two of which are theirs alone, with every part."""
    found = []
    for row in many(count):
        name = str(row["text"]).split()[1]
        words = f"one{name} would say two{name} made people laugh aloud".split()
        spans = [(a, b) for a in range(8) for b in range(a + 1, 9)]
        texts = {" ".join(words[a:b]): row["label"] for a, b in spans}
        found += [{"text": text, "label": label} for text, label in texts.items()]
    return found


@pytest.mark.parametrize("tested", ["share", "table"])
def test_no_part_of_what_judges_is_learnt(tmp_path: Path, tested: str) -> None:
    rows = sentences_and_parts()
    if tested == "table":
        wholes = [r for r in rows if len(str(r["text"]).split()) == 8]
        jsonl(
            tmp_path / "test.jsonl",
            [{**w, "text": f"{w['text']} !"} for w in wholes[:9]],
        )
        changes: dict[str, object] = {"test": Table(source="file:test.jsonl")}
    else:
        changes = {"test_share": 0.2}
    path = jsonl(tmp_path / "x.jsonl", rows)
    found = read(path, parts="apart", validation_share=0.2, **changes)
    judging = [e.texts[0].removesuffix(" !") for e in (*found.validation, *found.test)]
    assert {len(text.split()) for text in judging} == {8}
    learnt = {e.texts[0] for e in found.train}
    for text in judging:
        words = text.split()
        for start in range(5):
            for end in range(start + 4, 9):
                assert " ".join(words[start:end]) not in learnt
        assert words[0] in learnt  # a word is nobody's
    left = sum(len(text.split()) == 8 for text in learnt)
    assert left == 120 - len(judging)
    kept = read(path, validation_share=0.2, **changes)
    assert {len(e.texts[0].split()) for e in kept.validation} != {8}


def test_max_train_takes_from_training_only(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "x.jsonl", many())
    whole, cut = (read(path, max_train=n) for n in (None, 50))
    assert len(cut.train) == 50
    assert cut.test == whole.test
    assert set(cut.train) < set(whole.train)


def test_reads_compressed_lines(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, many())).encode()))
    assert len(read(path).train) > 200


@pytest.mark.parametrize(
    ("content", "changes", "message"),
    [
        pytest.param("\n \n", {}, "is empty", id="empty"),
        pytest.param(
            '{"text": "a"}', {}, "row 1: no field 'label'", id="no such field"
        ),
        pytest.param(
            '{"text": 3, "label": "bad"}', {}, "text: 3 is not text", id="no text"
        ),
        pytest.param(
            '{"text": "a", "label": "ugly"}', {}, "'ugly' is not one of", id="label"
        ),
        pytest.param(
            '{"text": "a", "label": "bad"', {}, "line 1: not JSON", id="cut off"
        ),
        pytest.param("[1]", {}, "is not an object", id="no object"),
        pytest.param(
            '{"text": "a", "label": "bad", "sure": "yes"}',
            {"confidence": "sure"},
            "sure: 'yes' is not a number",
            id="confidence",
        ),
        pytest.param(
            '{"text": "a", "label": "bad"}', {}, "split has no example", id="one row"
        ),
        pytest.param("\udcff", {}, "encoding 'utf-8'", id="not utf-8"),
    ],
)
def test_names_the_row_and_field_that_is_wrong(
    tmp_path: Path, content: str, changes: dict[str, object], message: str
) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(DataError, match=message) as refusal:
        read(path, **changes)
    assert str(path) in str(refusal.value)


def test_names_a_file_that_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(gzip.compress(b"x" * 10_000)[:-9])
    with pytest.raises(DataError, match=r"x\.jsonl\.gz"):
        read(path)


def test_an_example_of_the_test_table_is_in_no_other_split(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "x.jsonl", many())
    asked = [{**row, "text": f"{row['text']}!"} for row in many(40)]
    jsonl(tmp_path / "dev.jsonl", asked)
    found = read(path, test=Table(source="file:dev.jsonl"))
    assert len(found.test) == 40
    assert len(found.train) + len(found.validation) == 260
    texts = {f"{e.texts[0]}!" for e in (*found.train, *found.validation)}
    assert not texts & {e.texts[0] for e in found.test}


def test_labels_may_be_places_among_the_names(tmp_path: Path) -> None:
    rows = [{**row, "label": LABELS.index(str(row["label"]))} for row in many()]
    path = jsonl(tmp_path / "x.jsonl", rows)
    assert read(path, label_is="index") == read(jsonl(path, many()))


def test_two_texts_are_read_in_their_order(tmp_path: Path) -> None:
    rows = [{**row, "more": f"and {place}"} for place, row in enumerate(many())]
    found = read(jsonl(tmp_path / "x.jsonl", rows), text=("text", "more"))
    assert all(e.texts[1].startswith("and ") for e in found.train)


def test_texts_for_a_teacher_need_no_label(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "x.jsonl", many())
    jsonl(tmp_path / "more.jsonl", [{"text": "nobody said what"}])
    found = read(path, unlabelled=Table(source="file:more.jsonl"))
    assert found.unlabelled == (Example(("nobody said what",)),)
    assert found.counts(LABELS)["unlabelled"] == {"examples": 1}


def test_no_teacher_is_asked_what_the_test_asks(tmp_path: Path) -> None:
    # red if _unlabelled() takes every text
    path = jsonl(tmp_path / "x.jsonl", many())
    jsonl(tmp_path / "more.jsonl", [*many(), {"text": "nobody said what"}])
    found = read(path, unlabelled=Table(source="file:more.jsonl"))
    texts = {e.texts for e in found.unlabelled}
    assert texts == {e.texts for e in found.train} | {("nobody said what",)}


def test_what_is_done_to_texts_is_part_of_the_digest(tmp_path: Path) -> None:
    # red if `preprocessing` leaves one out, though no text here is any different
    path = jsonl(tmp_path / "x.jsonl", many())
    swaps = Augmentation(method="swap")
    changes: list[dict[str, object]] = [
        {},
        {"breaks": "space"},
        {"duplicates": "exact"},
        {"truncate": "start"},
        {"augmentation": swaps},
        {"augmentation": Augmentation(method="swap", seed=1)},
    ]
    assert len({read(path, **change).digest for change in changes}) == len(changes)
    asked = read(path, augmentation=swaps).preprocessing
    assert asked["truncate"] == "end"
    assert asked["augmentation"]["method"] == "swap"


def test_changed_copies_are_for_training_only(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "x.jsonl", many())
    plain = read(path)
    more = read(path, augmentation=Augmentation(method="swap", copies=2))
    assert more.validation == plain.validation
    assert more.test == plain.test
    assert more.train[: len(plain.train)] == plain.train  # so a sample is of real ones
    assert len(more.train) > 2 * len(plain.train)


def questions(count: int = 60) -> list[dict[str, object]]:
    return [
        {
            "title": f"article {number % 12}",
            "question": f"When was that, {chr(97 + number % 26)}?",
            "context": f"It was in {1900 + number}, they say.",
            "answers": {"text": [str(1900 + number)] * 2, "answer_start": [10, 10]},
        }
        for number in range(count)
    ]


def asked(path: Path, rows: list[dict[str, object]]) -> Dataset:
    fields = {"text": ("question", "context"), "group": "title", "duplicates": "exact"}
    shares = {"validation_share": 0.3, "test_share": 0.3}
    return read(jsonl(path, rows), (), **fields, **shares)


def test_questions_of_one_article_are_on_one_side(tmp_path: Path) -> None:
    found = asked(tmp_path / "x.jsonl", questions())
    groups = [{e.group for e in split} for split in found.splits.values()]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 12
    (example,) = (e for e in found.splits["train"][:1])
    year = example.texts[1][10:14]
    assert example.answers == (Answer(year, 10),)  # the same answer twice is one


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"text": ["1900"]}, "answers: .* is not"),
        ({"text": ["1900"], "answer_start": [10, 11]}, "as long as each other"),
        (
            {"text": ["1900"], "answer_start": [11]},
            "'1900' is not at 11 of the context",
        ),
        ({"text": [1900], "answer_start": [10]}, "1900 at 10 is not text at a number"),
        ("1900", "answers: '1900' is not"),
    ],
)
def test_an_answer_is_held_to_its_context(
    tmp_path: Path, answers: object, message: str
) -> None:
    rows = [{**questions()[0], "answers": answers}]
    with pytest.raises(DataError, match=message):
        asked(tmp_path / "x.jsonl", rows)


def test_a_file_of_another_kind_is_told_which_are_known(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "x.txt", many())
    with pytest.raises(DataError, match=r"is none of \.csv"):
        read(path)
