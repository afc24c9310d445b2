"""One client: whole HTTP/1.1 requests in, answers out, on one event loop.

A request is handed on once all of it is here, and only if it is within bounds: a slow
or endless sender holds what it has sent, no thread. httptools (llhttp) parses.
"""

from __future__ import annotations

import asyncio
import fcntl
import termios
import time
from collections import deque
from dataclasses import dataclass
from typing import cast

import httptools

from containers.flask.door import Door
from containers.flask.message import Answer, Cancel, Request, head_of

_UPGRADE = {b"upgrade", b"connection", b"http2-settings"}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(frozen=True, slots=True)
class _Whole:
    """A request, and whether its connection may have another."""

    request: Request
    keeps_alive: bool


@dataclass(frozen=True, slots=True)
class _Refusal:
    """What is said of bytes that are no request; nothing is read after them."""

    status: int
    message: str
    seconds: float  # since the first of those bytes


class Connection(asyncio.Protocol):
    """One client; requests on it are answered in their order, one at a time."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[_Whole | _Refusal] = deque()  # pipelined
        self._cancel: Cancel | None = None
        self._is_answering = False
        self._keeps_alive = True
        self._is_head = False
        self._is_deaf = False  # nothing more is read
        self._is_reading = False
        self._is_stuffed = False  # the client does not read what was written
        self._since = time.monotonic()  # of the first byte, or of the last answer
        self._begin()

    def _begin(self) -> None:
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._head_bytes = self._body_bytes = self._raw_bytes = 0
        self._in_head = False

    @property
    def is_busy(self) -> bool:
        return self._is_answering or self._is_reading or bool(self._waiting)

    @property
    def has_unread(self) -> bool:
        """Whether bytes have come that a lagging loop has not handed over yet."""
        if self._transport is None or self._is_deaf:
            return False
        count = bytearray(4)
        fcntl.ioctl(self._transport.get_extra_info("socket"), termios.FIONREAD, count)
        return any(count)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if not self._door.join(self):
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._door.leave(self)
        self._drop_body()
        self._transport = None
        self._waiting.clear()
        if self._cancel is not None:
            self._cancel()
            self._cancel = None

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        was_reading = self._is_reading
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._go_on(data[upgrade.args[0] :])
            return
        except httptools.HttpParserError as error:
            self._fail(400, f"not HTTP/1.1: {error.args[0] if error.args else error}")
            return
        if self._is_reading:
            # What came in one piece with other requests counts by its parts.
            self._raw_bytes += len(data) if was_reading else 0
            self._check_size()

    def _go_on(self, rest: bytes) -> None:
        """Read on after a head that asks for another protocol, which is not had here.

        httptools takes what follows for that protocol. RFC 9110 7.8 lets a server ignore
        the wish, so the same head is read once more without it.
        """
        if (
            b"transfer-encoding" in self._headers
            or self._parser.get_method() == b"CONNECT"
        ):
            self._fail(400, "Upgrade: not with this request")
            return
        kept = [
            b"%b: %b\r\n" % (name, value)
            for name, value in self._headers.items()
            if name not in _UPGRADE
        ]
        line = b"%b %b HTTP/1.1\r\n" % (self._parser.get_method(), self._url)
        self._parser = httptools.HttpRequestParser(self)
        self.data_received(line + b"".join(kept) + b"\r\n" + rest)

    def pause_writing(self) -> None:
        self._is_stuffed = True
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._is_stuffed = False
        self._resume()

    # httptools' callbacks

    def on_message_begin(self) -> None:
        self._begin()
        self._in_head = self._is_reading = True
        if not self._is_answering:
            self._since = time.monotonic()

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value)
        if self._in_head:
            self._headers.setdefault(name.lower(), value)
        else:  # a trailer says nothing that is asked for here
            self._check_size()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._raw_bytes = 0
        self._check_size()
        length = self._headers.get(b"content-length")
        if length is not None and int(length) > self._door.limits.body_bytes:
            self._too_long()
        if b"expect" in self._headers and not (
            self._is_deaf or self._is_answering or self._transport is None
        ):
            self._transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        if self._is_deaf:
            return
        self._body_bytes += len(body)
        if self._body_bytes > self._door.limits.body_bytes:
            self._too_long()
            return
        self._body.append(body)
        self._door.held_bytes += len(body)
        if self._door.held_bytes > self._door.limits.held_bytes:
            self._fail(503, "too many bodies are on their way at once")

    def on_message_complete(self) -> None:
        self._is_reading = False
        body = b"".join(self._body)
        self._drop_body()
        if self._is_deaf or self._parser.should_upgrade():
            return
        try:
            url = httptools.parse_url(self._url)
        except httptools.HttpParserInvalidURLError:
            self._fail(400, "the request's target is not a URL")
            return
        request = Request(
            method=self._parser.get_method().decode("latin-1"),
            path=(url.path or b"/").decode("latin-1"),
            query=(url.query or b"").decode("latin-1"),
            headers=self._headers,
            body=body,
            received=time.monotonic(),
            http_version=self._parser.get_http_version(),
        )
        keeps_alive = self._parser.should_keep_alive() and request.http_version != "1.0"
        self._put(_Whole(request, keeps_alive))

    # from here to the answer

    def _put(self, next_: _Whole | _Refusal) -> None:
        if not self._is_answering and not self._waiting:
            self._hand_on(next_)
            return
        self._waiting.append(next_)
        if self._transport is not None:
            self._transport.pause_reading()

    def _hand_on(self, next_: _Whole | _Refusal) -> None:
        if isinstance(next_, _Refusal):
            self._refuse(next_)
            return
        self._is_answering = True
        self._keeps_alive = next_.keeps_alive
        self._is_head = next_.request.method == "HEAD"
        cancel = self._door.handler(next_.request, self._reply)
        if self._is_answering:
            self._cancel = cancel

    def _reply(self, answer: Answer) -> None:
        if not self._is_answering:
            return
        self._cancel = None
        self._is_answering = False
        self._since = time.monotonic()
        self._write(answer)
        if self._waiting:
            # Not from here: a thousand pipelined requests would be a thousand frames.
            asyncio.get_running_loop().call_soon(self._resume)

    def _resume(self) -> None:
        if self._is_answering or self._is_stuffed or self._transport is None:
            return
        waiting = self._waiting.popleft() if self._waiting else None
        if not self._waiting and not self._is_deaf:
            self._transport.resume_reading()
        if waiting is not None:
            self._hand_on(waiting)

    def _write(self, answer: Answer) -> None:
        if self._transport is None:
            return
        is_last = not self._keeps_alive or self._door.is_draining
        head = head_of(answer, self._door.date, is_last)
        self._transport.write(head if self._is_head else head + answer.body)
        if is_last:
            self.close()

    def _too_long(self) -> None:
        limit = self._door.limits.body_bytes
        self._fail(413, f"body: more than the {limit} bytes allowed")

    def _fail(self, status: int, message: str) -> None:
        """Answer what is no request, and close: where the next one begins is unknown."""
        if not self._is_deaf:
            self._is_deaf = True
            self._is_reading = False
            self._drop_body()
            self._put(_Refusal(status, message, time.monotonic() - self._since))

    def _refuse(self, refusal: _Refusal) -> None:
        if self._transport is None:
            return
        answer = self._door.handler.refuse(
            refusal.status, refusal.message, refusal.seconds
        )
        self._transport.write(head_of(answer, self._door.date, True) + answer.body)
        # Closing now would reset a client that is still sending, answer and all.
        self._since = time.monotonic()
        self._transport.resume_reading()
        self._transport.write_eof()

    def _check_size(self) -> None:
        """Bound what a request takes up beside its body: head, trailers, chunk sizes."""
        limits = self._door.limits
        beside = self._raw_bytes if self._in_head else 0
        if max(self._head_bytes + len(self._url), beside) > limits.head_bytes:
            self._fail(431, f"headers: more than the {limits.head_bytes} bytes allowed")
        elif self._raw_bytes > 2 * limits.body_bytes + limits.head_bytes:
            self._fail(413, "body: more chunks and trailers than are allowed")

    def _drop_body(self) -> None:
        self._door.held_bytes -= sum(map(len, self._body))
        self._body = []

    def check(self, now: float) -> None:
        """Close a connection that has been silent, or slow, for too long."""
        limits, waited = self._door.limits, now - self._since
        if self._is_answering:
            return
        if (self._is_deaf and waited > limits.linger_seconds) or (
            self._is_stuffed and waited > limits.read_seconds
        ):
            self.abort()
        elif self._is_reading and waited > limits.read_seconds:
            self._fail(408, f"not all of the request came in {limits.read_seconds:g} s")
        elif not self._is_reading and waited > limits.idle_seconds:
            self.close()

    def close(self) -> None:
        """Close once what was written has been sent."""
        self._is_deaf = True
        self._is_reading = False
        self._waiting.clear()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close now, whatever the client has not read."""
        if self._transport is not None:
            self._transport.abort()
