"""The log: a line of JSON a record on stdout, or plain lines at a terminal.

No text that a client sent is ever in it, whatever LOG_REQUESTS says: not in the lines of
requests, and not in those of exceptions, which name types and places but no messages.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import re
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from queue import Full, Queue
from threading import Thread
from typing import Any, Literal, get_args

Mode = Literal["errors", "all", "none"]

# Seen in other systems' logs as well, so short and without anything to escape.
_ID = re.compile(r"[A-Za-z0-9._:;=@/+-]{1,128}")
_COUNTED = {
    429,
    503,
    504,
}  # under overload there are thousands a second: metrics count them
ERRORS_A_SECOND = 10

_start = os.urandom(6).hex()
_numbers = count(1)
_lines: Queue[str] = Queue(maxsize=10_000)
_writer: Thread | None = None


def write(line: str) -> None:
    """Have a line written, whole, and wait for nothing.

    A log that is full, gone or not read takes no request with it: its lines are lost.
    A process that will fork must not: its child would inherit the locks of the thread
    that writes, as they happen to be (see announce).
    """
    _start_writer()
    with suppress(Full):
        _lines.put_nowait(line)


def flush(seconds: float = 1.0) -> None:
    """Wait until what was logged is written, or until it is clear that it will not be."""
    deadline = time.monotonic() + seconds
    while _lines.unfinished_tasks and time.monotonic() < deadline:
        time.sleep(0.001)


def _start_writer() -> None:
    global _writer
    if _writer is None:
        _writer = Thread(target=_write_lines, name="log", daemon=True)
        _writer.start()
        atexit.register(flush)


def _write_lines() -> None:
    while True:
        line = _lines.get()
        with suppress(OSError, ValueError):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        _lines.task_done()


def event(level: str, message: str, **fields: Any) -> None:
    """Log what happened to the server; fields are JSON values."""
    write(_line(level, message, fields))


def announce(message: str, **fields: Any) -> None:
    """Log, at once and without a thread, what the master says before it forks."""
    with suppress(OSError, ValueError):
        print(_line("info", message, fields), flush=True)


def request_id(given: str | None, trace: str | None = None) -> str:
    """Return X-Request-Id or X-Amzn-Trace-Id if it can stand in a log, or a new one."""
    for value in (given, trace):
        if value and _ID.fullmatch(value):
            return value
    return f"{_start}-{next(_numbers):x}"


def read_mode(value: str | None) -> Mode:
    """Return LOG_REQUESTS; raises ValueError naming what it may be."""
    for mode in get_args(Mode):
        if (value or "errors") == mode:
            return mode  # type: ignore[no-any-return]
    raise ValueError(
        f"LOG_REQUESTS: {value!r} is not one of {', '.join(get_args(Mode))}"
    )


class RequestLog:
    """Logs answers: all of them, or those that went wrong, or none.

    Of what went wrong at most ten a second, then one line that says how many were left
    out: a client's mistake in a loop should not fill a log that is paid for by the byte.
    """

    def __init__(
        self,
        mode: Mode,
        *,
        write: Callable[[str], None] = write,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._is_all = mode == "all"
        self._least = {"all": 0, "errors": 400, "none": 1000}[mode]
        self._write, self._clock = write, clock
        self._second, self._written, self._left_out = 0, 0, 0

    def answered(
        self,
        route: str,
        status: int,
        seconds: float,
        *,
        request_id: str,
        received: int,
        sent: int,
        instances: int = 0,
    ) -> None:
        """Log an answer, if it is one to log. `received` and `sent` are bytes of bodies."""
        if status < self._least or not (self._is_all or self._is_told(status)):
            return
        fields = {
            "request_id": request_id,
            "route": route,
            "status": status,
            "milliseconds": round(seconds * 1000, 3),
            "bytes_received": received,
            "bytes_sent": sent,
            "instances": instances,
        }
        level = "info" if status < 400 else "warning" if status < 500 else "error"
        self._write(_line(level, f"answered {status}", fields))

    def _is_told(self, status: int) -> bool:
        if status in _COUNTED:
            return False
        if (second := int(self._clock())) != self._second:
            left_out, self._left_out = self._left_out, 0
            self._second, self._written = second, 0
            if left_out:
                self._write(_line("warning", "answers not logged", {"count": left_out}))
        self._written += 1
        if self._written > ERRORS_A_SECOND:
            self._left_out += 1
            return False
        return True


class Formatter(logging.Formatter):
    """The same lines for what libraries log."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {"logger": record.name}
        if record.exc_info and (error := record.exc_info[1]):
            fields["exception"] = type(error).__qualname__
            fields["at"] = [
                f"{frame.filename}:{frame.lineno} {frame.name}"
                for frame in traceback.extract_tb(error.__traceback__)
            ]
        return _line(record.levelname.lower(), record.getMessage(), fields)


def logging_config() -> dict[str, Any]:
    """Return gunicorn's logconfig_dict: one handler, this format, warnings and worse."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "containers.flask.log.Formatter"}},
        "handlers": {
            "stdout": {
                "class": "logging.StreamHandler",
                "formatter": "json",
                "stream": "ext://sys.stdout",
            }
        },
        "root": {"level": "WARNING", "handlers": ["stdout"]},
        "loggers": {
            name: {"level": "WARNING", "handlers": ["stdout"], "propagate": False}
            for name in ("gunicorn.error", "gunicorn.access")
        },
    }


def _line(level: str, message: str, fields: dict[str, Any]) -> str:
    now = datetime.now(UTC)
    if sys.stdout.isatty():
        told = " ".join(f"{name}={value}" for name, value in fields.items())
        return f"{now:%H:%M:%S} {level} {message} {told}".rstrip()
    stamp = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    record = {"time": stamp, "level": level, "message": message, **fields}
    return json.dumps(record, separators=(",", ":"))
