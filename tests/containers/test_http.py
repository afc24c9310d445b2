"""The HTTP side alone, over a model that labels each text with itself."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from containers.flask.app import create_app
from containers.flask.batching import DeadlineError, Done
from containers.flask.cache import CacheSettings, open_cache
from containers.flask.door import Door, Limits
from containers.flask.instances import read_text
from containers.flask.job import Model
from containers.flask.log import RequestLog, flush
from containers.flask.metrics import Metrics
from containers.flask.service import Service
from containers.flask.task import Encoded, Item
from tests.conftest import ManifestFactory
from tests.containers.wire import Wire, ask, in_loop, request

MODEL = "/v1/models/support-sentiment"
PREDICT = f"{MODEL}:predict"
INFER = "/v2/models/support-sentiment/infer"
IDENTITY = {"model": "support-sentiment", "version": "3f1c9a07be24"}


class Echo:
    """A task whose answer is the text itself."""

    def read(self, instance: Any, where: str) -> Item:
        if isinstance(instance, dict):
            return Item(read_text(instance.get("text"), f"{where}.text"))
        return Item(read_text(instance, where))

    def encode(self, items: Sequence[Item]) -> list[Encoded]:
        return [Encoded(item, [[1]]) for item in items]

    def answer(self, encoded: Encoded, outputs: Sequence[Any]) -> Mapping[str, Any]:
        return {"label": encoded.item.text, "score": 1.0}


@dataclass
class Queue:
    """A batcher that answers at once, or when it is told to."""

    wait_seconds: float = 0.0
    error: Exception | None = None
    holds: bool = False
    held: list[Callable[[], None]] = field(default_factory=list)
    deadlines: list[float] = field(default_factory=list)
    cancelled: list[Any] = field(default_factory=list)

    def submit(self, rows: Sequence[list[int]], deadline: float, done: Done) -> Done:
        self.deadlines.append(deadline)

        def answer() -> None:
            done(self.error or [None] * len(rows))  # type: ignore[list-item]

        if self.holds:
            self.held.append(answer)
        else:
            answer()
        return done

    def cancel(self, ticket: Any) -> None:
        self.cancelled.append(ticket)


@dataclass
class Stage:
    """A lifecycle: what is loaded, and which state it says."""

    model: Model | None
    state: str = "ready"


Open = Callable[..., Door]


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def open_door(make_manifest: ManifestFactory, queue: Queue) -> Open:
    manifest = make_manifest(max_batch=3)

    def make(state: str = "ready", *, cache_mib: int = 0, **limits: Any) -> Door:
        model = None if state == "loading" else Model(Echo(), queue)  # type: ignore[arg-type]
        stage = Stage(model, state)
        limits = {"body_bytes": 1000, **limits}
        metrics = Metrics()
        app = create_app(
            manifest,
            state=lambda: stage.state,
            metrics=metrics,
            max_body_bytes=limits["body_bytes"],
        )
        service = Service(
            manifest,
            stage,
            app,
            cache=open_cache(
                manifest,
                CacheSettings(mib=cache_mib),
                valid=lambda value: True,
                report=print,
            ),
            metrics=metrics,
            log=RequestLog("none"),
            max_wait_seconds=0.1,
        )
        return Door(service, Limits(**limits))

    return make


@pytest.fixture
def door(open_door: Open) -> Door:
    return open_door()


def instances(*values: Any) -> bytes:
    return json.dumps({"instances": values}).encode()


def labels(body: bytes) -> list[str]:
    return [each["label"] for each in json.loads(body)["predictions"]]


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


def chunked(body: bytes, *, size: int = 7) -> bytes:
    pieces = [body[i : i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in [*pieces, b""])


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize(("size", "status"), [(1000, 200), (1001, 413)])
def test_a_body_is_read_up_to_the_limit(
    door: Door, framing: str, size: int, status: int
) -> None:
    body = instances("a" * (size - len(instances(""))))
    assert len(body) == size
    if framing == "chunked":
        said = ask(door, PREDICT, chunked(body), Transfer_Encoding="chunked")
    else:
        said = ask(door, PREDICT, body)
    assert said.status == status
    if status == 413:
        assert said.json()["error"] == "body: more than the 1000 bytes allowed"


def test_a_request_may_come_byte_by_byte(door: Door) -> None:
    wire = Wire(door)
    wire.send(*(bytes([b]) for b in request(PREDICT, instances("slow"))))
    (said,) = wire.answers()
    assert labels(said.body) == ["slow"]


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


def test_pipelined_requests_are_answered_in_their_order(
    door: Door, queue: Queue
) -> None:
    wire = Wire(door)
    in_loop(
        lambda: wire.send(b"".join(request(PREDICT, instances(c)) for c in "abcde"))
    )
    assert [labels(said.body) for said in wire.answers()] == [[c] for c in "abcde"]


def test_pipelined_requests_wait_for_the_one_before_them(
    door: Door, queue: Queue
) -> None:
    queue.holds = True
    wire = Wire(door)
    wire.send(request(PREDICT, instances("a")) + request(MODEL))
    assert wire.sent == b""
    assert not wire.is_reading, "a pipeline is bounded by what was read"
    in_loop(lambda: queue.held[0]())
    first, second = wire.answers()
    assert labels(first.body) == ["a"]
    assert "model_version_status" in second.json()
    assert wire.is_reading


@pytest.mark.parametrize(
    ("garbage", "status"),
    [
        (b"\x00\xff\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (
            b"POST / HTTP/1.1\r\nContent-Length: 3\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 9999999999\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"a" * 20_000, 431),
        (b"GET / HTTP/1.1\r\n" + b"".join(b"X%d: a\r\n" % i for i in range(5000)), 431),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_request_gets_one_answer_and_no_more(
    door: Door, garbage: bytes, status: int
) -> None:
    wire = Wire(door)
    wire.send(garbage, request(MODEL))
    (said,) = wire.answers()
    assert (said.status, said.headers["Connection"]) == (status, "close")
    assert "error" in said.json()


def test_a_slow_sender_is_told_and_put_out(open_door: Open) -> None:
    door = open_door(read_seconds=0.0, linger_seconds=0.0)
    wire = Wire(door)
    wire.send(b"POST / HTTP/1.1\r\nX")
    time.sleep(0.01)
    door.tick()
    (said,) = wire.answers()
    assert said.status == 408
    time.sleep(0.01)
    door.tick()
    assert not wire.is_open


def test_a_silent_connection_is_closed_without_a_word(open_door: Open) -> None:
    door = open_door(idle_seconds=0.0)
    wire = Wire(door)
    time.sleep(0.01)
    door.tick()
    assert (wire.sent, wire.is_open) == (b"", False)


def test_a_client_that_reads_nothing_gets_no_more_to_read(open_door: Open) -> None:
    door = open_door(read_seconds=0.0)
    wire = Wire(door)
    wire.protocol.pause_writing()
    assert not wire.is_reading
    time.sleep(0.01)
    door.tick()
    assert not wire.is_open


def test_there_are_only_so_many_connections(open_door: Open) -> None:
    door = open_door(connections=2)
    wires = [Wire(door) for _ in range(3)]
    assert [wire.is_open for wire in wires] == [True, True, False]
    wires[0].hang_up()
    assert Wire(door).is_open


def test_expect_100_continue_is_answered(door: Door) -> None:
    body = instances("a")
    whole = request(PREDICT, body, Expect="100-continue")
    wire = Wire(door)
    wire.send(whole[: -len(body)])
    assert wire.sent == b"HTTP/1.1 100 Continue\r\n\r\n"
    wire.send(body)
    assert [said.status for said in wire.answers()] == [100, 200]


def test_an_older_client_s_connection_is_closed(door: Door) -> None:
    wire = Wire(door)
    wire.send(b"GET /v2/health/live HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert not wire.is_open


def test_a_request_id_comes_back(door: Door) -> None:
    said = ask(door, MODEL, X_Request_Id="abc-1")
    assert said.headers["X-Request-Id"] == "abc-1"
    first, second = ask(door, MODEL), ask(door, MODEL)
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]


def test_metadata_says_what_a_client_must_know(door: Door) -> None:
    metadata = ask(door, f"{MODEL}/metadata").json()["metadata"]
    assert metadata["labels"] == ["negative", "neutral", "positive"]
    assert metadata["max_batch"] == 3


@pytest.mark.parametrize("wish", ["h2c", "websocket"])
def test_a_wish_for_another_protocol_is_ignored(door: Door, wish: str) -> None:
    """As Java's HttpClient has it in every request, bodies and all."""
    wire = Wire(door)
    headers = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": wish}
    body = instances("a")
    whole = request(PREDICT, body, HTTP2_Settings="AAEAAEAA", **headers)
    wire.send(whole + request(MODEL, **headers))
    wire.send(whole[:-5])
    wire.send(whole[-5:])
    said = wire.answers()
    assert [each.status for each in said] == [200, 200, 200]
    assert labels(said[0].body) == labels(said[2].body) == ["a"]


def test_an_upgrade_that_could_hide_a_body_is_refused(door: Door) -> None:
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "h2c",
        "Transfer_Encoding": "chunked",
    }
    said = ask(door, PREDICT, chunked(instances("a")), **headers)
    assert (said.status, said.headers["Connection"]) == (400, "close")


def test_trailers_are_bounded_and_say_nothing(door: Door) -> None:
    head = request(PREDICT, b"", Transfer_Encoding="chunked")
    body = chunked(instances("a"))[:-2]
    wire = Wire(door)
    wire.send(head + body + b"X-Request-Id: trailer\r\nX-Request-Timeout-Ms: 0\r\n\r\n")
    (said,) = wire.answers()
    assert said.status == 200
    assert said.headers["X-Request-Id"] != "trailer"
    for trailer in (b"X: aaaaaaa\r\n" * 3000, b"X: " + b"a" * 100_000):
        wire = Wire(door)
        wire.send(head + body)
        for start in range(0, len(trailer), 1000):
            wire.send(trailer[start : start + 1000])
        (said,) = wire.answers()
        assert said.status in {413, 431}


def test_what_follows_a_full_pipeline_is_measured_by_itself(door: Door) -> None:
    many = 2000
    wire = Wire(door)
    in_loop(lambda: wire.send(request(MODEL) * many + request(MODEL)[:20]))
    assert [said.status for said in wire.answers()] == [200] * many
    wire.send(request(MODEL)[20:])
    assert len(wire.answers()) == many + 1


def test_garbage_after_requests_is_refused_after_their_answers(
    door: Door, queue: Queue
) -> None:
    queue.holds = True
    wire = Wire(door)
    wire.send(b"".join(request(PREDICT, instances(c)) for c in "abc") + b"\x00garbage")

    def answer() -> None:
        for _ in range(20):
            if queue.held:
                asyncio.get_running_loop().call_soon(queue.held.pop(0))

    for _ in "abcd":
        in_loop(answer)
    said = wire.answers()
    assert [each.status for each in said] == [200, 200, 200, 400]
    assert [labels(each.body) for each in said[:3]] == [["a"], ["b"], ["c"]]
    assert said[3].headers["Connection"] == "close"
    assert said[3].headers["X-Request-Id"]


def test_bodies_on_their_way_take_only_so_much_memory(open_door: Open) -> None:
    door = open_door(held_bytes=2500)
    whole = request(PREDICT, instances("a" * 900))
    wires = [Wire(door) for _ in range(3)]
    for wire in wires:
        wire.send(whole[:-1])
    assert wires[2].answers()[0].status == 503
    wires[0].hang_up()
    wires[1].send(whole[-1:])
    assert wires[1].answers()[0].status == 200
    assert door.held_bytes == 0
