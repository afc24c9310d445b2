"""Worker processes on real queues: whatever happens to them, each is answered once."""

from __future__ import annotations

import json
import signal
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from containers.flask.predictor import Predictor
from containers.queued.messages import Heartbeat, Queue
from containers.queued.settlement import MOST_RECEIVED
from containers.queued.submission import Outcome
from tests.containers.test_predictor import TEXTS
from tests.queued.outage import Outage
from tests.queued.place import MODEL, Fault, Place, stop, submit, until

OUTCOME = "outcome.json"


def submit_some(place: Place, count: int) -> dict[str, list[str]]:
    """Return what was asked, by id; some of it twice."""
    asked = {}
    for number in range(count):
        texts = [f"{TEXTS[number % len(TEXTS)]} {number}", f"and {number}"]
        texts = texts[: 1 + number % 2]
        asked[place.submit(*texts)] = texts
        if number % 5 == 0:
            place.submit(*texts)
    return asked


def check(place: Place, asked: dict[str, list[str]], predictor: Predictor) -> None:
    """Every submission has its own answer, and no message is left."""
    for id_, texts in asked.items():
        told = place.outcome(id_)
        assert told["state"] == "done", told
        assert told["predictions"] == predictor.predict(texts)
        assert told["model"] == MODEL
    until(place.is_empty)
    assert place.dead() == []


def test_what_is_submitted_is_answered(place: Place, predictor: Predictor) -> None:
    asked = submit_some(place, 25)
    worker = place.start()
    check(place, asked, predictor)
    stop(worker)


FAULTS = {
    "asking": Fault("before-call", "sqs", "ReceiveMessage", 2),
    "received": Fault("after-call", "sqs", "ReceiveMessage"),
    "computed": Fault("before-call", "s3", "PutObject", key=OUTCOME),
    "written": Fault("after-call", "s3", "PutObject", key=OUTCOME),
    "some written": Fault("after-call", "s3", "PutObject", 7, key=OUTCOME),
    "before delete": Fault("before-call", "sqs", "DeleteMessageBatch"),
    "after delete": Fault("after-call", "sqs", "DeleteMessageBatch"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_worker_killed_at_any_step_loses_and_doubles_nothing(
    place: Place, predictor: Predictor, fault: str
) -> None:
    asked = submit_some(place, 12)
    dying = place.start(FAULTS[fault])
    dying.join()
    assert dying.exitcode == -signal.SIGKILL
    before = {
        id_: told for id_ in asked if (told := place.told(id_))["state"] != "pending"
    }
    worker = place.start()
    check(place, asked, predictor)
    stop(worker)
    assert all(place.told(id_) == told for id_, told in before.items())


def test_two_workers_on_one_message_leave_one_answer(
    place: Place, predictor: Predictor
) -> None:
    """The slower finds the faster's answer, and what was told stays as it was."""
    asked = submit_some(place, 8)
    queue = Queue(place.sqs, place.settings.queue_url, visibility_seconds=1)
    for body in [each.body for each in queue.receive()] * 2:
        queue.send(body)
    workers = [place.start(), place.start()]
    check(place, asked, predictor)
    for worker in workers:
        stop(worker)


def test_an_outcome_is_never_replaced(place: Place) -> None:
    id_ = place.submit("a")
    first = Outcome(id_, "done", {"predictions": ["first"]})
    assert place.store.settle(first)
    assert not place.store.settle(replace(first, state="failed", told={"error": "b"}))
    worker = place.start()
    until(place.is_empty)
    stop(worker)
    assert place.told(id_)["predictions"] == ["first"]


# A minute is waited beside the suites that leave a core idle.
@pytest.mark.parametrize("seconds", [0, pytest.param(60, marks=pytest.mark.rehearsal)])
def test_a_queue_that_is_down_for_a_while_costs_no_answer(
    place: Place, predictor: Predictor, seconds: int
) -> None:
    with Outage(place.account) as outage:
        asked = submit_some(place, 6)
        worker = replace(place, account=outage.account).start()
        check(place, asked, predictor)
        outage.begin()
        asked |= submit_some(place, 12)
        time.sleep(seconds)
        until(lambda: outage.refused > 3)
        assert worker.is_alive()
        outage.end()
        check(place, asked, predictor)
        stop(worker)


def test_what_a_model_cannot_answer_has_failed_with_the_reason(place: Place) -> None:
    good, bad = place.submit("good"), place.submit("good", " ")
    worker = place.start()
    assert place.outcome(bad)["error"] == "instances[1]: empty text"
    assert place.outcome(bad)["state"] == "failed"
    assert place.outcome(good)["state"] == "done"
    until(place.is_empty)
    stop(worker)
    assert place.dead() == [], "a caller's mistake wakes nobody"


def test_what_is_no_submission_is_a_dead_letter_with_the_reason(place: Place) -> None:
    good = place.submit("good")
    bad = ["{", "[]", json.dumps({"id": "../x"}), "[" * 50_000]
    for body in bad:
        place.queue(place.settings.queue_url).send(body)
    worker = place.start()
    assert place.outcome(good)["state"] == "done"
    until(place.is_empty)
    stop(worker)
    dead = place.dead()
    assert sorted(each["Body"] for each in dead) == sorted(bad)
    for each in dead:
        reason = each["MessageAttributes"]["reason"]["StringValue"]
        assert reason.startswith("not a submission")


def test_a_message_that_ends_its_worker_is_buried_and_takes_no_other_along(
    place: Place, predictor: Predictor
) -> None:
    asked = submit_some(place, 5)
    poison = place.submit("poison")
    # Whoever writes of the poison dies, as if its text had done it.
    fault = Fault("before-call", "s3", "PutObject", key=f"{poison}/{OUTCOME}")
    deaths = 0
    while place.told(poison)["state"] == "pending":
        worker = place.start(fault)
        worker.join(timeout=20)
        if worker.exitcode is None:
            break
        assert worker.exitcode == -signal.SIGKILL
        deaths += 1
        if deaths == MOST_RECEIVED:
            worker = place.start()
            break
    told = place.outcome(poison)
    until(place.is_empty)
    stop(worker)
    assert deaths == MOST_RECEIVED
    assert (told["state"], told["error"]) == (
        "failed",
        "received 10 times, and never answered",
    )
    (letter,) = place.dead()
    assert json.loads(letter["Body"])["id"] == poison
    assert letter["MessageAttributes"]["reason"]["StringValue"] == told["error"]
    check(place, asked, predictor)


def test_work_that_is_over_is_not_done(place: Place) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=8)
    submit(place.door(now=lambda: long_ago), {"instances": ["late"]})
    id_ = place.submit("in time")
    worker = place.start()
    assert place.outcome(id_)["state"] == "done"
    until(place.is_empty)
    stop(worker)
    objects = place.s3.list_objects_v2(Bucket=place.settings.bucket)["Contents"]
    outcomes = [each["Key"] for each in objects if each["Key"].endswith(OUTCOME)]
    assert outcomes == [f"submissions/{id_}/{OUTCOME}"]


def test_instances_too_long_for_a_message_are_answered(
    place: Place, predictor: Predictor
) -> None:
    text = "the order never came " * 4000
    id_ = place.submit(text)
    worker = place.start()
    assert place.outcome(id_)["predictions"] == predictor.predict([text])
    stop(worker)


def test_a_message_is_held_as_long_as_it_is_worked_on(
    place: Place,
) -> None:
    """A heartbeat extends it: nobody else receives it, though its time passes twice."""
    place.submit("a")
    url = place.settings.queue_url
    queue = Queue(place.sqs, url, visibility_seconds=1)
    with closing(Heartbeat(queue)) as heartbeat:
        held = queue.receive()
        heartbeat.hold(held)
        assert place.queue(url).receive(wait_seconds=3) == []
        heartbeat.release(held)
        assert place.queue(url).receive(wait_seconds=5)
