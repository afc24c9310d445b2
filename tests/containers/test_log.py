"""The log's lines: whole, about what went wrong, and never a client's text."""

from __future__ import annotations

import io
import json
import logging
import logging.config
import re
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers.flask.log import (
    ERRORS_A_SECOND,
    Formatter,
    Mode,
    RequestLog,
    event,
    flush,
    logging_config,
    read_mode,
    request_id,
)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def answer(log: RequestLog, status: int) -> None:
    log.answered(
        "predict",
        status,
        0.0123,
        request_id="r1",
        received=30,
        sent=50,
        instances=2,
    )


@pytest.mark.parametrize(
    ("mode", "logged"),
    [("all", [200, 400, 429, 500, 503, 504]), ("errors", [400, 500]), ("none", [])],
)
def test_logs_the_answers_that_it_is_set_to(mode: Mode, logged: list[int]) -> None:
    lines: list[str] = []
    log = RequestLog(mode, write=lines.append)
    for status in (200, 400, 429, 500, 503, 504):
        answer(log, status)
    assert [json.loads(line)["status"] for line in lines] == logged


def test_a_line_says_what_was_asked_of_which_route_and_how_long_it_took() -> None:
    lines: list[str] = []
    answer(RequestLog("all", write=lines.append), 500)
    record = json.loads(lines[0])
    stamp = record.pop("time")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", stamp)
    assert record == {
        "level": "error",
        "message": "answered 500",
        "request_id": "r1",
        "route": "predict",
        "status": 500,
        "milliseconds": 12.3,
        "bytes_received": 30,
        "bytes_sent": 50,
        "instances": 2,
    }


def test_a_flood_of_mistakes_is_a_few_lines_and_a_count() -> None:
    lines: list[str] = []
    clock = Clock()
    log = RequestLog("errors", write=lines.append, clock=clock)
    for _ in range(1000):
        answer(log, 400)
    assert len(lines) == ERRORS_A_SECOND
    clock.now += 1
    answer(log, 500)
    summary, last = map(json.loads, lines[ERRORS_A_SECOND:])
    assert (summary["count"], last["status"]) == (1000 - ERRORS_A_SECOND, 500)


def test_a_mode_that_is_none_is_named() -> None:
    assert read_mode(None) == "errors"
    with pytest.raises(ValueError, match="LOG_REQUESTS: 'some' is not one of errors"):
        read_mode("some")


def test_a_given_id_is_kept_and_a_dangerous_one_replaced() -> None:
    trace = "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8"
    assert request_id("abc-123", trace) == "abc-123"
    assert request_id(None, trace) == trace
    assert request_id("a b\r\nSet-Cookie: x", trace) == trace
    assert len({request_id("x" * 129), request_id(""), request_id(None)}) == 3


@given(st.text())
def test_an_id_is_always_one_safe_word(given: str) -> None:
    assert re.fullmatch(r"[!-~]{1,128}", request_id(given))


def test_an_exception_is_told_without_what_it_says() -> None:
    try:
        raise ValueError("my secret letter")
    except ValueError:
        record = logging.LogRecord(
            "flask", logging.ERROR, "", 0, "Exception on %s", ("/x",), sys.exc_info()
        )
    line = json.loads(Formatter().format(record))
    assert (line["level"], line["message"]) == ("error", "Exception on /x")
    assert line["exception"] == "ValueError"
    assert "test_log.py" in line["at"][-1]
    assert "secret" not in json.dumps(line)


def test_what_libraries_log_has_the_same_form(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stdout = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stdout)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        logging.config.dictConfig(logging_config())
        logging.getLogger("gunicorn.error").warning("worker %d left", 7)
        logging.getLogger("gunicorn.error").info("not this")
        event("info", "ready", seconds=0.5)
        flush()
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.getLogger("gunicorn.error").handlers.clear()
    lines = [json.loads(each) for each in stdout.getvalue().splitlines()]
    assert [line["message"] for line in lines] == ["worker 7 left", "ready"]
    assert lines[1]["seconds"] == 0.5


def test_at_a_terminal_lines_are_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdout", terminal := Terminal())
    event("info", "listening", address="127.0.0.1:8080")
    flush()
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d info listening address=127.0.0.1:8080\n", terminal.getvalue()
    )


class Full(io.StringIO):
    def write(self, _: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_log_that_cannot_be_written_takes_nothing_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flush()
    monkeypatch.setattr(sys, "stdout", Full())
    event("info", "lost")
    flush()
    monkeypatch.setattr(sys, "stdout", stdout := io.StringIO())
    event("info", "found")
    flush()
    assert json.loads(stdout.getvalue())["message"] == "found"


def test_a_log_that_nobody_reads_is_waited_for_no_longer_than_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flush()
    read = threading.Event()

    class Stuck(io.StringIO):
        def write(self, _: str) -> int:
            read.wait(10)
            return 0

    monkeypatch.setattr(sys, "stdout", Stuck())
    started = time.monotonic()
    for _ in range(11_000):  # more than are kept
        event("info", "line")
    flush(0.05)
    assert time.monotonic() - started < 5
    read.set()
    flush(10)
