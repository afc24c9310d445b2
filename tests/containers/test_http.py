"""The HTTP side alone: what is asked, and what is answered."""

from __future__ import annotations

import json
import math
import time

import pytest

from containers.flask.batching import DeadlineError
from containers.flask.door import Door
from containers.flask.log import flush
from tests.containers.echoing import (
    IDENTITY,
    INFER,
    MODEL,
    PREDICT,
    Open,
    Queue,
    instances,
    labels,
)
from tests.containers.wire import Wire, ask, request


def test_answers_in_order_and_says_which_model_spoke(door: Door) -> None:
    said = ask(door, PREDICT, instances("b", {"text": "a"}, "ü"))
    assert said.status == 200
    assert said.headers["Content-Type"] == "application/json"
    assert said.json() == {
        "predictions": [
            {"label": "b", "score": 1.0},
            {"label": "a", "score": 1.0},
            {"label": "ü", "score": 1.0},
        ],
        **IDENTITY,
    }


def test_answers_the_open_inference_protocol_alike(door: Door) -> None:
    tensor = {"name": "text", "shape": [2], "datatype": "BYTES", "data": ["b", "a"]}
    said = ask(door, INFER, json.dumps({"inputs": [tensor], "id": "7"}).encode())
    assert said.status == 200
    (label, score) = said.json()["outputs"]
    assert (label["data"], score["data"]) == (["b", "a"], [1.0, 1.0])
    assert said.json()["id"] == "7"


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/json"])
def test_reads_the_body_whatever_its_declared_type(
    door: Door, content_type: str
) -> None:
    said = ask(door, PREDICT, instances("a"), Content_Type=content_type)
    assert said.status == 200


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "body: not JSON"),
        (b'{"instances": ["a"]', "body: not JSON"),
        (b"\xff\xfe", "body: not UTF-8 at byte 0"),
        (b'{"instances": ["caf\xe9"]}', "body: not UTF-8 at byte 19"),
        (b'["a"]', "body: no instances"),
        (b'"instances"', "body: no instances"),
        (b'{"texts": ["a"]}', "body: no instances"),
        (b'{"instances": "a"}', "instances: a string is not a list"),
        (b'{"instances": {"text": "a"}}', "instances: an object is not a list"),
        (b'{"instances": null}', "instances: null is not a list"),
        (b'{"instances": []}', "instances: 0 given, 1 to 3 allowed"),
        (b'{"instances": ["a","b","c","d"]}', "instances: 4 given, 1 to 3 allowed"),
        (b'{"instances": ["a", 1]}', "instances[1]: a number is not a string"),
        (b'{"instances": [true]}', "instances[0]: a boolean is not a string"),
        (b'{"instances": ["a", "b", " \\n\\t"]}', "instances[2]: empty text"),
        (b'{"instances": ["a \\ud83d"]}', "instances[0]: a lone surrogate"),
        (b"[" * 999, "body: nested too deeply"),
        (b'{"instances": [' + b"9" * 5000 + b"]}", "more than the 1000 bytes allowed"),
    ],
)
def test_says_where_a_bad_request_is_wrong(
    door: Door, body: bytes, message: str
) -> None:
    said = ask(door, PREDICT, body)
    answer = said.json()
    assert message in answer.pop("error")
    assert answer == IDENTITY
    assert said.status in {400, 413}


def test_a_number_too_long_for_python_is_a_bad_request(open_door: Open) -> None:
    body = b'{"instances": [' + b"9" * 5000 + b"]}"
    said = ask(open_door(body_bytes=10_000), PREDICT, body)
    assert said.status == 400
    assert "body: not JSON" in said.json()["error"]


@pytest.mark.parametrize(
    "path", ["/v1/models/other:predict", "/v1/models/other", "/", "/v2/models", "/%00"]
)
def test_an_unknown_path_is_told_what_is_served(door: Door, path: str) -> None:
    said = ask(door, path)
    assert said.status == 404
    assert f"this server answers POST {PREDICT}" in said.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", PREDICT, {"POST"}),
        ("GET", INFER, {"POST"}),
        ("DELETE", MODEL, {"GET", "HEAD", "OPTIONS"}),
        ("POST", "/v2/health/ready", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(
    door: Door, method: str, path: str, allowed: set[str]
) -> None:
    said = ask(door, path, b"", method=method)
    assert said.status == 405
    assert {each.strip() for each in said.headers["Allow"].split(",")} == allowed
    assert said.json()["version"] == IDENTITY["version"]


def test_head_has_the_length_and_no_body(door: Door) -> None:
    wire = Wire(door)
    wire.send(request(MODEL, method="HEAD"))
    head, _, rest = wire.sent.partition(b"\r\n\r\n")
    assert b"200 OK" in head
    assert int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]) > 50
    assert rest == b""


@pytest.mark.parametrize(
    ("state", "ready", "said"),
    [("loading", 503, "LOADING"), ("ready", 200, "AVAILABLE"), ("draining", 503, "UNLOADING")],
)  # fmt: skip
def test_is_ready_only_between_loading_and_draining(
    open_door: Open, state: str, ready: int, said: str
) -> None:
    door = open_door(state)
    assert ask(door, "/v2/health/live").status == 200
    answer = ask(door, "/v2/health/ready")
    assert answer.status == ready
    assert answer.json() == {"ready": ready == 200, **IDENTITY}
    (status,) = ask(door, MODEL).json()["model_version_status"]
    assert (status["version"], status["state"]) == (IDENTITY["version"], said)


def test_a_request_before_the_model_is_there_is_told_to_come_back(
    open_door: Open,
) -> None:
    said = ask(open_door("loading"), PREDICT, instances("a"))
    assert (said.status, said.headers["Retry-After"]) == (503, "1")
    assert said.json() == {"error": "the model is loading", **IDENTITY}


def test_a_request_that_was_accepted_is_answered_while_draining(
    open_door: Open,
) -> None:
    door = open_door("draining")
    door.drain()
    said = ask(door, PREDICT, instances("a"))
    assert (said.status, said.headers["Connection"]) == (200, "close")


def test_a_long_queue_is_refused_before_the_body_is_read(
    door: Door, queue: Queue
) -> None:
    queue.wait_seconds = 2.4
    said = ask(door, PREDICT, b"not even JSON")
    assert (said.status, said.headers["Retry-After"]) == (429, "2")
    assert queue.deadlines == []


def test_a_request_with_less_patience_than_the_queue_is_refused_at_once(
    door: Door, queue: Queue
) -> None:
    queue.wait_seconds = 0.05
    assert ask(door, PREDICT, instances("a")).status == 200
    said = ask(door, PREDICT, instances("a"), X_Request_Timeout_Ms="49")
    assert said.status == 429


def test_a_request_s_own_deadline_counts_from_its_arrival(
    door: Door, queue: Queue
) -> None:
    ask(door, PREDICT, instances("a"), X_Request_Timeout_Ms="250")
    ask(door, PREDICT, instances("a"))
    first, second = queue.deadlines
    assert first - time.monotonic() == pytest.approx(0.25, abs=0.1)
    assert second == math.inf


def test_a_deadline_that_passed_in_the_queue_is_504(door: Door, queue: Queue) -> None:
    queue.error = DeadlineError()
    said = ask(door, PREDICT, instances("a"), X_Request_Timeout_Ms="5")
    assert said.status == 504
    assert "X-Request-Timeout-Ms" in said.json()["error"]


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "abc", "", "600001", "9" * 400])
def test_a_deadline_that_is_none_is_refused_with_its_bounds(
    door: Door, value: str
) -> None:
    said = ask(door, PREDICT, instances("a"), X_Request_Timeout_Ms=value)
    assert said.status == 400
    assert "is not between 1 and 600000" in said.json()["error"]


def test_a_failing_engine_shows_no_inside(
    door: Door, queue: Queue, capsys: pytest.CaptureFixture[str]
) -> None:
    queue.error = RuntimeError("secret")
    said = ask(door, PREDICT, instances("secret"))
    assert said.status == 500
    assert said.json() == {"error": "internal error", **IDENTITY}
    flush()
    logged = capsys.readouterr().out
    assert "RuntimeError" in logged
    assert "secret" not in logged


def test_a_client_that_hangs_up_frees_its_place(door: Door, queue: Queue) -> None:
    queue.holds = True
    wire = Wire(door)
    wire.send(request(PREDICT, instances("a")))
    assert door.in_flight == 1
    wire.hang_up()
    assert (door.in_flight, door.connections, len(queue.cancelled)) == (0, 0, 1)
    queue.held[0]()  # the answer that was under way goes nowhere
    assert wire.sent == b""


def test_a_repeated_text_is_answered_from_the_cache(
    open_door: Open, queue: Queue
) -> None:
    door = open_door(cache_mib=1)
    for _ in range(3):
        assert labels(ask(door, PREDICT, instances("a")).body) == ["a"]
    assert len(queue.deadlines) == 1
    assert labels(ask(door, PREDICT, instances("b", "a", "b")).body) == ["b", "a", "b"]
    assert len(queue.deadlines) == 2


@pytest.mark.parametrize(("header", "runs"), [("no-cache", 2), ("no-store", 2), ("max-age=0", 1)])  # fmt: skip
def test_no_cache_wants_a_fresh_answer(
    open_door: Open, queue: Queue, header: str, runs: int
) -> None:
    door = open_door(cache_mib=1)
    ask(door, PREDICT, instances("a"))
    ask(door, PREDICT, instances("a"), Cache_Control=header)
    assert len(queue.deadlines) == runs


def test_a_request_id_comes_back(door: Door) -> None:
    said = ask(door, MODEL, X_Request_Id="abc-1")
    assert said.headers["X-Request-Id"] == "abc-1"
    first, second = ask(door, MODEL), ask(door, MODEL)
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]


def test_metadata_says_what_a_client_must_know(door: Door) -> None:
    metadata = ask(door, f"{MODEL}/metadata").json()["metadata"]
    assert metadata["labels"] == ["negative", "neutral", "positive"]
    assert metadata["max_batch"] == 3
