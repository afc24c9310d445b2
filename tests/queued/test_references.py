"""Objects of JSON lines: answered part by part, and each part kept."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from containers.flask.lines import Answered, Chunk
from containers.flask.predictor import Predictor
from containers.queued.parts import Parts, PartsGoneError
from tests.containers.test_predictor import TEXTS
from tests.queued.place import Fault, Place, stop, until

BAD = 7  # every so many lines one has no answer


def some_lines(count: int) -> bytes:
    found = []
    for number in range(count):
        text = f"{TEXTS[number % len(TEXTS)]} {number}"
        line: Any = {"id": f"a{number}", "text": text} if number % 3 == 0 else text
        found.append(json.dumps(line if number % BAD else None))
    return "\n".join(found).encode()


def read(place: Place, uri: str) -> list[dict[str, Any]]:
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    body = place.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return [json.loads(line) for line in body.splitlines()]


def parts_left(place: Place) -> list[str]:
    objects = place.s3.list_objects_v2(Bucket=place.settings.bucket)["Contents"]
    return [each["Key"] for each in objects if "/parts/" in each["Key"]]


def check(place: Place, told: dict[str, Any], count: int, predictor: Predictor) -> None:
    """A line for a line, in their order, each with its answer or the reason."""
    bad = len(range(0, count, BAD))
    assert (told["state"], told["lines"], told["error_lines"]) == ("done", count, bad)
    answers, errors = read(place, told["answers"]), read(place, told["errors"])
    assert (len(answers), len(errors)) == (count, bad)
    for number, answer in enumerate(answers):
        assert answer["id"] == (
            f"a{number}" if number % 3 == 0 and number % BAD else number + 1
        )
        if number % BAD:
            (wanted,) = predictor.predict([f"{TEXTS[number % len(TEXTS)]} {number}"])
            assert answer == {"id": answer["id"], **wanted}
        else:
            assert "error" in answer
    assert [each["line"] for each in errors] == [n + 1 for n in range(0, count, BAD)]
    until(place.is_empty)
    until(lambda: not parts_left(place))
    assert place.dead() == []


def test_each_line_of_an_object_is_answered(place: Place, predictor: Predictor) -> None:
    id_, item = place.refer(some_lines(120)), place.submit("beside it")
    worker = place.start()
    assert place.outcome(item)["state"] == "done"
    told = place.outcome(id_)
    until(place.is_empty)
    check(place, told, 120, predictor)
    stop(worker)


def test_an_empty_object_has_no_answers(place: Place) -> None:
    id_ = place.refer(b"")
    worker = place.start()
    told = place.outcome(id_)
    assert (told["state"], told["lines"]) == ("done", 0)
    assert read(place, told["answers"]) == read(place, told["errors"]) == []
    stop(worker)


FAULTS = {
    "a part half written": Fault("after-call", "s3", "PutObject", key="errors-00002"),
    "a part written": Fault("after-call", "s3", "PutObject", key="answers-00002"),
    "all answered": Fault("before-call", "s3", "PutObject", key="/errors.jsonl"),
    "told": Fault("after-call", "s3", "PutObject", key="outcome.json"),
    "before delete": Fault("before-call", "sqs", "DeleteMessageBatch"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_after_a_kill_another_worker_goes_on(
    place: Place, predictor: Predictor, fault: str
) -> None:
    id_ = place.refer(some_lines(80))
    dying = place.start(FAULTS[fault], part_bytes=1200)
    dying.join()
    assert dying.exitcode == -signal.SIGKILL
    parts = place.s3.list_objects_v2(
        Bucket=place.settings.bucket, Prefix=f"submissions/{id_}/parts/"
    ).get("Contents", [])
    kept = {each["Key"]: each["LastModified"] for each in parts}
    assert kept, "nothing was there to keep"
    worker = place.start(part_bytes=1200)
    told = place.outcome(id_)
    until(place.is_empty)
    check(place, told, 80, predictor)
    stop(worker)


def test_two_workers_on_one_object_leave_one_answer(
    place: Place, predictor: Predictor
) -> None:
    id_ = place.refer(some_lines(80))
    queue = place.queue(place.settings.references_url)
    queue.send(place.store.submission(id_).to_json())  # type: ignore[union-attr]
    workers = [place.start(part_bytes=1200), place.start(part_bytes=1200)]
    told = place.outcome(id_)
    until(place.is_empty)
    check(place, told, 80, predictor)
    for worker in workers:
        stop(worker)


def test_a_slower_worker_writes_over_nothing_that_was_told(place: Place) -> None:
    """It joins while the faster one removes the parts: it finds them gone, and says so."""
    id_ = place.refer(b'"a"\n"b"')
    part = Answered(Chunk(0, 1, [b"", b""], 7, True, True), b"1\n2\n", b"", 0)
    fast, slow = (Parts(place.store, id_, "version") for _ in range(2))
    fast.add(part)
    slow.resume()
    first = fast.join()
    again = slow.join()
    assert first.keys() == again.keys() == {"answers", "errors"}
    assert not set(first.values()) & set(again.values())
    fast.remove()
    with pytest.raises(PartsGoneError):
        slow.join()
    assert read(place, first["answers"]) == [1, 2]


def test_a_worker_that_is_stopped_leaves_its_object_as_new(
    place: Place, predictor: Predictor
) -> None:
    """Spot interruptions count against no source, and what was answered is kept."""
    id_ = place.refer(some_lines(1500))
    worker = place.start(part_bytes=1200)
    prefix = f"submissions/{id_}/parts/"
    found = {"Bucket": place.settings.bucket, "Prefix": prefix}
    until(lambda: place.s3.list_objects_v2(**found)["KeyCount"] > 4)
    stop(worker)
    assert place.told(id_)["state"] == "pending"
    (message,) = place.queue(place.settings.references_url).receive(wait_seconds=5)
    assert message.received == 1
    place.queue(place.settings.references_url).put_back(message)
    worker = place.start(part_bytes=100_000)
    told = place.outcome(id_)
    until(place.is_empty)
    check(place, told, 1500, predictor)
    stop(worker)


@pytest.mark.parametrize("change", ["replaced", "removed"])
def test_an_object_that_is_not_what_it_was_has_failed_with_the_reason(
    place: Place, change: str
) -> None:
    id_ = place.refer(b'"one"')
    where = {"Bucket": place.settings.bucket, "Key": "inputs/in.jsonl"}
    if change == "replaced":
        place.s3.put_object(**where, Body=b'"two"')
    else:
        place.s3.delete_object(**where)
    worker = place.start()
    told = place.outcome(id_)
    assert told["state"] == "failed"
    assert "after it was submitted" in told["error"] or "any more" in told["error"]
    stop(worker)
