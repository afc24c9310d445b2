"""One connection: where requests begin and end, and what it may take up."""

from __future__ import annotations

import asyncio
import time

import pytest

from containers.flask.door import Door
from tests.containers.echoing import MODEL, PREDICT, Open, Queue, instances, labels
from tests.containers.wire import Wire, ask, chunked, in_loop, request


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
