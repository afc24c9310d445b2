"""Many tasks, one output: every line once, in its place, whoever answers it."""

from __future__ import annotations

import gzip
import io
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers.batch.objects import Address, Found, ObjectError, Objects
from containers.batch.plan import fitting, parts
from containers.batch.share import Share, read_part, read_share
from manifest import Manifest
from tests.batch.bucket import AnswerShares, content, put, rows
from tests.batch.conftest import some_lines

TAKEN = some_lines(300)


def test_tasks_together_answer_what_one_does_alone(
    objects: Objects, bucket: Address, answer_shares: AnswerShares
) -> None:
    put(objects, bucket / "in", TAKEN)
    answer_shares(Share(2, 3), Share(0, 3), Share(1, 3))
    alone = bucket / "alone"
    answer_shares(out=alone, part_bytes=1 << 20)
    assert content(objects, bucket / "out/answers") == content(
        objects, alone / "answers"
    )
    assert content(objects, bucket / "out/errors") == content(objects, alone / "errors")
    assert len(objects.names(bucket / "out/done")) > 5
    assert len(objects.names(alone / "done")) == 1


def test_a_line_without_an_id_is_called_by_the_byte_it_begins_at(
    objects: Objects, bucket: Address, answer_shares: AnswerShares
) -> None:
    put(objects, bucket / "in", b'"ok"\n{"id": "a7", "text": "thanks"}\n\n"well"')
    answer_shares()
    found = rows(objects, bucket / "out/answers")
    assert [row["id"] for row in found] == [0, "a7", 36, 37]
    assert found[2]["error"] == "line: empty"
    (error,) = rows(objects, bucket / "out/errors")
    assert error == {"byte": 36, "id": 36, "error": "line: empty"}


def test_objects_below_a_folder_are_read_in_the_order_of_their_keys(
    objects: Objects, bucket: Address, answer_shares: AnswerShares
) -> None:
    put(objects, bucket / "in/2.jsonl", b'{"id": "c", "text": "c"}\n')
    put(objects, bucket / "in/1.jsonl.gz", gzip.compress(b'{"id": "b", "text": "b"}\n'))
    put(objects, bucket / "in/0.jsonl", b'{"id": "a", "text": "a"}')
    put(objects, bucket / "in/empty/", b"")
    put(objects, bucket / "input-of-another/0", b"[]")
    answer_shares()
    assert [row["id"] for row in rows(objects, bucket / "out/answers")] == [
        "a",
        "b",
        "c",
    ]


def test_what_is_done_is_not_answered_again(
    objects: Objects, bucket: Address, answer_shares: AnswerShares
) -> None:
    put(objects, bucket / "in", TAKEN)
    first, second = answer_shares(), answer_shares()
    assert len(first) > 5
    assert second == ["task 0 of 1: 0 of " + first[0].split(" of ")[-1]]


@pytest.mark.parametrize("change", ["input", "model", "id", "part_bytes"])
def test_answers_of_something_else_are_not_gone_on_with(
    objects: Objects,
    bucket: Address,
    answer_shares: AnswerShares,
    tiny_manifest: Manifest,
    change: str,
) -> None:
    put(objects, bucket / "in", TAKEN)
    answer_shares()
    changes: dict[str, dict[str, Any]] = {
        "input": {},
        "model": {"manifest": replace(tiny_manifest, name="another")},
        "id": {"id_field": "key"},
        "part_bytes": {"part_bytes": 2001},
    }
    if change == "input":
        put(objects, bucket / "in", TAKEN + b"\n")
    with pytest.raises(
        ObjectError, match=r"run\.json: \w+ was .+, is .+: give another"
    ):
        answer_shares(**changes[change])


def test_an_output_in_the_input_is_refused(
    objects: Objects, bucket: Address, answer_shares: AnswerShares
) -> None:
    put(objects, bucket / "in/0", b'"ok"')
    with pytest.raises(ObjectError, match="in/out: lies in the input"):
        answer_shares(out=bucket / "in/out")


def test_an_input_that_is_not_there_is_named(
    answer_shares: AnswerShares, bucket: Address
) -> None:
    with pytest.raises(ObjectError, match=f"{bucket / 'in'}: no such object"):
        answer_shares()


def test_a_bucket_that_is_not_there_is_named(objects: Objects) -> None:
    with pytest.raises(ObjectError, match="s3://no-such-bucket/in: .*does not exist"):
        objects.list(Address("no-such-bucket", "in"))


@pytest.mark.parametrize("broken", [gzip.compress(TAKEN)[:-20], TAKEN])
def test_a_broken_archive_spoils_no_other_object(
    objects: Objects, bucket: Address, answer_shares: AnswerShares, broken: bytes
) -> None:
    put(objects, bucket / "in/0.gz", broken)
    put(objects, bucket / "in/1", b'{"id": 1, "text": "ok"}')
    with pytest.raises(ObjectError, match=r"1 parts .*in/0\.gz: not a whole gzip file"):
        answer_shares()
    assert [row["id"] for row in rows(objects, bucket / "out/answers")] == [1]


def test_an_input_that_changes_meanwhile_is_noticed(
    objects: Objects, bucket: Address
) -> None:
    put(objects, bucket / "in", TAKEN)
    (found,) = objects.list(bucket / "in")
    put(objects, bucket / "in", TAKEN[::-1])
    with pytest.raises(ObjectError, match="in: was changed while it was read"):
        objects.open(found).read()


texts = st.lists(
    st.sampled_from([b"a", b"\n", b"\r", b" ", b"bcd", b"e" * 11]), max_size=60
).map(b"".join)


@given(texts, st.integers(1, 20))
def test_each_line_is_read_by_one_part_and_called_by_its_byte(
    text: bytes, part_bytes: int
) -> None:
    source = Found(Address("b", "in"), len(text), "tag")
    found = []
    for part in parts([source], part_bytes):
        file = io.BytesIO(text)
        file.seek(max(0, part.start - 1))
        for chunk in read_part(io.BufferedReader(file), part):
            found += list(zip(chunk.places, chunk.lines, strict=True))
            assert all(part.start <= place < part.end for place in chunk.places)
    lines = text.removesuffix(b"\n").split(b"\n") if text else []
    places = [sum(len(line) + 1 for line in lines[:n]) for n in range(len(lines))]
    assert found == list(zip(places, lines, strict=True))


def test_parts_grow_with_what_there_is_to_read() -> None:
    small = [Found(Address("b", "in"), 1000, "t")]
    large = [Found(Address("b", f"in/{n}"), 1 << 40, "t") for n in range(3)]
    zipped = [Found(Address("b", "in.gz"), 1 << 40, "t")]
    assert fitting(small) == fitting(zipped) == 4 << 20
    assert 9_990 < len(list(parts(large, fitting(large)))) <= 10_003
    assert len(list(parts(zipped, fitting(zipped)))) == 1


def test_a_task_learns_its_share_from_aws_batch() -> None:
    names = ("AWS_BATCH_JOB_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_SIZE")
    assert read_share({}) == Share(0, 1)
    assert read_share(dict(zip(names, ("3", "4"), strict=True))) == Share(3, 4)
    for wrong in (("4", "4"), ("-1", "4"), ("x", "4"), ("0", "")):
        with pytest.raises(ValueError, match="AWS_BATCH_JOB_ARRAY_"):
            read_share(dict(zip(names, wrong, strict=True)))


def test_the_record_says_what_answers_are_made_of(
    objects: Objects,
    bucket: Address,
    answer_shares: AnswerShares,
    tiny_manifest: Manifest,
) -> None:
    put(objects, bucket / "in", TAKEN)
    answer_shares()
    record = objects.read_json(bucket / "out/run.json")
    done = [
        objects.read_json(each.address) for each in objects.list(bucket / "out/done")
    ]
    assert record["version"] == tiny_manifest.version
    assert record["source_bytes"] == len(TAKEN)
    assert record["parts"] == len(done)
    assert sum(each["lines"] for each in done) == 300
    errors = rows(objects, bucket / "out/errors")
    assert sum(each["error_lines"] for each in done) == len(errors) > 40
