"""What the door takes, refuses and promises; on real queues and a real bucket."""

from __future__ import annotations

import ast
import base64
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.queued.place import MODEL, SUBMIT, Place, ask, submit

ROOT = Path(__file__).parents[2]
TEXT = {"instances": ["my order never came"]}
UNKNOWN = f"/v1/models/{MODEL}/submissions/{'0' * 40}"


def test_a_submission_is_pending_where_location_says(place: Place) -> None:
    door = place.door()
    status, headers, told = submit(door, TEXT)
    assert (status, told["state"], told["model"]) == (202, "pending", MODEL)
    assert headers["Location"] == f"/v1/models/{MODEL}/submissions/{told['id']}"
    status, headers, found = ask(door, "GET", headers["Location"])
    assert (status, found["state"], found["id"]) == (200, "pending", told["id"])
    assert headers["Retry-After"]


def test_the_same_again_is_the_same_submission(place: Place) -> None:
    door = place.door()
    _, _, first = submit(door, {"instances": [{"text": "a", "pair": "b"}]})
    _, _, again = submit(door, {"instances": [{"pair": "b", "text": "a"}]})
    _, _, other = submit(door, {"instances": [{"text": "b", "pair": "a"}]})
    assert first["id"] == again["id"] != other["id"]


def test_another_key_is_another_submission_and_a_key_is_of_one_body(
    place: Place,
) -> None:
    door = place.door()
    ids = [submit(door, TEXT, idempotency_key=key)[2]["id"] for key in ("a", "b", "a")]
    assert ids[0] == ids[2] != ids[1]
    status, _, told = submit(door, {"instances": ["other"]}, idempotency_key="a")
    assert status == 409
    assert "Idempotency-Key" in told["error"]


BAD_BODIES: dict[str, tuple[str, int, str]] = {
    "not JSON": ("{", 400, "body: not JSON"),
    "not an object": ("[]", 400, "body: not an object"),
    "nothing": ("", 400, "body: not JSON"),
    "no number": ('{"instances": [NaN]}', 400, "NaN is not a number"),
    "deep": ("[" * 100_000, 400, "nested too deeply"),
    "no instances": ("{}", 400, "body: neither instances"),
    "both": ('{"instances": ["a"], "source": "s3://a/b"}', 400, "body: both"),
    "unknown": (
        '{"instances": ["a"], "priority": 1}',
        400,
        "unknown keys ['priority']",
    ),
    "no list": ('{"instances": "a"}', 400, "instances: not a list"),
    "none": ('{"instances": []}', 400, "instances: 0 given, 1 to 8 allowed"),
    "many": (json.dumps({"instances": ["a"] * 9}), 400, "9 given, 1 to 8 allowed"),
    "long": (json.dumps({"instances": ["a" * 262_144]}), 413, "262144 allowed"),
    "surrogate": ('{"instances": ["\\ud800"]}', 400, "lone surrogate"),
    "source": ('{"source": 1}', 400, "source: not in s3://"),
    "elsewhere": ('{"source": "s3://else/a"}', 400, "source: not in s3://"),
    "webhook": ('{"instances": ["a"], "webhook": "http://a"}', 400, "webhook: not an"),
    "user": ('{"instances": ["a"], "webhook": "https://b@a"}', 400, "webhook: not an"),
    "port": ('{"instances": ["a"], "webhook": "https://a:x"}', 400, "webhook: not an"),
}


@pytest.mark.parametrize("case", BAD_BODIES)
def test_a_bad_body_is_refused_with_place_and_bound(place: Place, case: str) -> None:
    body, wanted, why = BAD_BODIES[case]
    status, headers, told = ask(place.door(), "POST", SUBMIT, body)
    assert (status, headers["Content-Type"]) == (wanted, "application/json")
    assert why in told["error"]
    assert told["model"] == MODEL
    assert place.is_empty()


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ({"content_type": "text/plain"}, 415),
        ({"content_encoding": "gzip"}, 415),
        ({"idempotency_key": "k" * 256}, 400),
        ({"idempotency_key": "\u00e4"}, 400),
        ({"content_type": "application/json; charset=utf-8"}, 202),
        ({"content_type": "application/x-www-form-urlencoded"}, 202),  # curl -d
    ],
)
def test_headers_are_looked_at(
    place: Place, headers: dict[str, str], wanted: int
) -> None:
    status, _, _ = submit(place.door(), TEXT, **headers)
    assert status == wanted


@pytest.mark.parametrize(
    ("method", "path", "wanted"),
    [
        ("GET", SUBMIT, 405),
        ("DELETE", UNKNOWN, 405),
        ("GET", UNKNOWN, 404),
        ("GET", f"/v1/models/{MODEL}/submissions/../asked", 404),
        ("POST", f"/v1/models/{MODEL}:predict", 404),
        ("POST", "/v1/models/other:submit", 404),
    ],
)
def test_other_paths_and_methods(
    place: Place, method: str, path: str, wanted: int
) -> None:
    status, headers, told = ask(place.door(), method, path)
    assert status == wanted
    assert told["error"]
    assert (wanted == 405) == ("Allow" in headers)


def test_a_body_in_base64_is_the_same(place: Place) -> None:
    text = base64.b64encode(json.dumps(TEXT).encode()).decode()
    event = {
        "rawPath": SUBMIT,
        "requestContext": {"http": {"method": "POST"}},
        "headers": {},
        "body": text,
        "isBase64Encoded": True,
    }
    answer = place.door().handle(event)
    assert json.loads(answer["body"])["id"] == submit(place.door(), TEXT)[2]["id"]


def test_a_source_is_what_it_was_when_it_was_submitted(place: Place) -> None:
    first = place.refer(b'"one"\n')
    assert place.refer(b'"one"\n') == first
    assert place.refer(b'"two"\n') != first


def test_a_source_that_is_not_there_or_another_s_answer_is_refused(
    place: Place,
) -> None:
    door, bucket = place.door(), place.settings.bucket
    id_ = place.submit("a")
    for key in ("inputs/none.jsonl", f"submissions/{id_}/asked.json", "inputs"):
        status, _, told = submit(door, {"source": f"s3://{bucket}/{key}"})
        assert status == 400, key
        assert told["error"].startswith("source: ")


def test_a_source_may_lie_where_the_stack_says(place: Place) -> None:
    place.s3.put_object(Bucket=place.settings.bucket, Key="more/a", Body=b"")
    more = f"s3://{place.settings.bucket}/more/"
    status, _, _ = submit(place.door(sources=(more,)), {"source": f"{more}a"})
    assert status == 202


def test_webhooks_are_refused_where_the_endpoint_calls_nobody(place: Place) -> None:
    body = {**TEXT, "webhook": "https://example.com/hook"}
    assert submit(place.door(), body)[0] == 202
    status, _, told = submit(place.door(webhooks=False), body)
    assert (status, told["error"]) == (400, "webhook: this endpoint calls nobody")


@pytest.mark.parametrize("operation", ["PutObject", "SendMessage"])
@pytest.mark.parametrize("when", ["before-call", "after-call"])
def test_what_was_not_promised_is_asked_again_and_then_sent(
    place: Place, operation: str, when: str
) -> None:
    """A crash of the function at any call: 503 or nothing, and the same again is taken."""
    service = {"PutObject": "s3", "SendMessage": "sqs"}[operation]
    client = place.account.client(service)
    failures = iter([True])

    def fail(**_: Any) -> None:
        if next(failures, False):
            raise ClientError({"Error": {"Code": "InternalError"}}, operation)

    name = f"{when}.{service}.{operation}"
    client.meta.events.register(name, fail)
    try:
        status, headers, _ = submit(place.door(), TEXT)
    finally:
        client.meta.events.unregister(name, fail)
    assert (status, "Retry-After" in headers) == (503, True)
    status, _, told = submit(place.door(), TEXT)
    assert (status, told["state"]) == (202, "pending")
    assert place.left(place.settings.queue_url) >= 1


def test_what_is_answered_is_not_sent_again(place: Place) -> None:
    id_ = place.submit("a")
    place.s3.put_object(
        Bucket=place.settings.bucket,
        Key=f"submissions/{id_}/outcome.json",
        Body=json.dumps({"id": id_, "state": "done", "predictions": []}),
    )
    sent = place.left(place.settings.queue_url)
    status, _, told = submit(place.door(), {"instances": ["a"]})
    assert (status, told["state"]) == (202, "done")
    assert place.left(place.settings.queue_url) == sent


def test_a_submission_that_is_over_is_told_of_no_more_and_may_be_made_again(
    place: Place,
) -> None:
    id_ = place.submit("a")
    later = datetime.now(UTC) + timedelta(days=7, seconds=2)
    door = place.door(now=lambda: later)
    path = f"/v1/models/{MODEL}/submissions/{id_}"
    assert ask(door, "GET", path)[0] == 404
    status, _, told = submit(door, {"instances": ["a"]})
    assert (status, told["id"], told["state"]) == (202, id_, "pending")
    assert ask(door, "GET", path)[0] == 200


def test_instances_too_long_for_a_message_are_left_in_the_bucket(place: Place) -> None:
    id_ = place.submit("a" * 70_000)
    (message,) = place.queue(place.settings.queue_url).receive()
    assert len(message.body) < 1000
    assert place.store.submission(id_).instances == ("a" * 70_000,)  # type: ignore[union-attr]


def test_the_door_imports_what_lambda_has() -> None:
    """boto3 and the standard library, through whatever of ours it imports."""
    seen, todo, foreign = set[str](), ["containers.queued.door"], set[str]()
    while todo:
        name = todo.pop()
        seen.add(name)
        path = ROOT.joinpath(*name.split(".")).with_suffix(".py")
        for node in ast.walk(ast.parse(path.read_text())):
            found = []
            if isinstance(node, ast.Import):
                found = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                found = [node.module or ""]
            for each in found:
                if each.startswith("containers."):
                    todo += [each] if each not in seen else []
                else:
                    foreign.add(each.partition(".")[0])
    assert foreign - set(sys.stdlib_module_names) == {"boto3", "botocore"}
    assert seen == {
        f"containers.queued.{name}"
        for name in ("door", "messages", "store", "submission")
    }
