"""The door: whole HTTP/1.1 requests in, answers out, on one event loop.

A request is handed on once all of it is here, and only if it is within bounds: a slow
or endless sender holds a few hundred bytes, no thread. httptools (llhttp) parses.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import Protocol, cast

import httptools

Cancel = Callable[[], None]

_JSON = b"Content-Type: application/json\r\n"
_STARTS = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
    for status in HTTPStatus
}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Request:
    """One whole request."""

    method: str
    path: str  # without the query, as it was sent
    query: str
    headers: Mapping[bytes, bytes]  # names in lower case; of equal names, the first
    body: bytes
    received: float  # time.monotonic() of its last byte
    http_version: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back; Content-Length, Date and Connection are the door's."""

    status: int
    body: bytes
    headers: bytes = _JSON  # whole lines, each with its CRLF


class Handler(Protocol):
    """Who answers. `reply` is called once, now or later, on the loop's thread.

    The value is called instead if the client has gone before that.
    """

    def __call__(
        self, request: Request, reply: Callable[[Answer], None], /
    ) -> Cancel | None: ...

    def refuse(self, status: int, message: str, /) -> Answer:
        """Say what is wrong with a request that cannot be handed on."""
        ...


@dataclass(frozen=True)
class Limits:
    """What a client may send, and how long it may take."""

    body_bytes: int = 256 * 1024
    head_bytes: int = 16 * 1024
    read_seconds: float = 20.0  # from a request's first byte to its last
    idle_seconds: float = 75.0  # over the 60 s of a load balancer, or it meets a reset
    linger_seconds: float = 2.0  # a refused sender may take in its answer
    connections: int = 4096


@dataclass
class Door:
    """Every open connection of one listening process."""

    handler: Handler
    limits: Limits = field(default_factory=Limits)
    is_draining: bool = False
    date: bytes = b""

    def __post_init__(self) -> None:
        self._connections: set[_Connection] = set()
        self.tick()

    def __call__(self) -> asyncio.Protocol:
        """Make the protocol of a new connection, as loop.create_server asks."""
        return _Connection(self)

    @property
    def connections(self) -> int:
        return len(self._connections)

    @property
    def in_flight(self) -> int:
        """Requests that have begun to arrive and are not answered."""
        return sum(connection.is_busy for connection in self._connections)

    def tick(self) -> None:
        """Once a second: the time of day, and who has kept the door waiting."""
        self.date = f"Date: {formatdate(usegmt=True)}\r\n".encode()
        now = time.monotonic()
        for connection in list(self._connections):
            connection.check(now)

    def drain(self) -> None:
        """From now on every answer closes its connection."""
        self.is_draining = True

    def close_idle(self) -> None:
        """Close the connections on which nothing is under way."""
        for connection in list(self._connections):
            if not connection.is_busy:
                connection.close()

    def join(self, connection: _Connection) -> bool:
        """Count a connection in, if there is room."""
        if len(self._connections) >= self.limits.connections:
            return False
        self._connections.add(connection)
        return True

    def leave(self, connection: _Connection) -> None:
        self._connections.discard(connection)


class _Connection(asyncio.Protocol):
    """One client; requests on it are answered in their order, one at a time."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[tuple[Request, bool]] = deque()  # pipelined
        self._cancel: Cancel | None = None
        self._is_answering = False
        self._keeps_alive = True
        self._is_head = False
        self._is_closing = False  # no more is read: the next answer is the last
        self._is_reading = False
        self._is_stuffed = False  # the client does not read what was written
        self._since = time.monotonic()  # of the first byte, or of the last answer
        self._begin()

    def _begin(self) -> None:
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._head_bytes = self._seen_bytes = self._body_bytes = 0
        self._in_head = False

    @property
    def is_busy(self) -> bool:
        return self._is_answering or self._is_reading

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if not self._door.join(self):
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._door.leave(self)
        self._transport = None
        self._waiting.clear()
        if self._cancel is not None:
            self._cancel()
            self._cancel = None

    def data_received(self, data: bytes) -> None:
        if self._is_closing:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # The request itself was whole; what follows it would be another protocol.
            self._is_closing = True
            if not self._is_answering:
                self.close()
        except httptools.HttpParserError as error:
            self._fail(400, f"not HTTP/1.1: {error.args[0] if error.args else error}")
        else:
            if self._in_head:  # whose last line is still to come
                self._count_head(len(data))

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
        self._headers.setdefault(name.lower(), value)
        self._seen_bytes += len(name) + len(value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_bytes = 0
        self._count_head(self._seen_bytes + len(self._url))
        length = self._headers.get(b"content-length")
        if length is not None and int(length) > self._door.limits.body_bytes:
            self._too_long()
        if b"expect" in self._headers and not (
            self._is_closing or self._is_answering or self._transport is None
        ):
            self._transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes > self._door.limits.body_bytes:
            self._too_long()
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        self._is_reading = False
        if self._is_closing:
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
            body=b"".join(self._body),
            received=time.monotonic(),
            http_version=self._parser.get_http_version(),
        )
        keeps_alive = self._parser.should_keep_alive() and request.http_version != "1.0"
        if self._is_answering:
            self._waiting.append((request, keeps_alive))
            if self._transport is not None:
                self._transport.pause_reading()
        else:
            self._hand_on(request, keeps_alive)

    # from here to the answer

    def _hand_on(self, request: Request, keeps_alive: bool) -> None:
        self._is_answering = True
        self._keeps_alive = keeps_alive
        self._is_head = request.method == "HEAD"
        cancel = self._door.handler(request, self._reply)
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
        if self._is_answering or self._is_closing or self._is_stuffed:
            return
        waiting = self._waiting.popleft() if self._waiting else None
        if not self._waiting and self._transport is not None:
            self._transport.resume_reading()
        if waiting is not None:
            self._hand_on(*waiting)

    def _write(self, answer: Answer) -> None:
        if self._transport is None:
            return
        is_last = not self._keeps_alive or self._is_closing or self._door.is_draining
        head = _head(answer, self._door.date, is_last)
        self._transport.write(head if self._is_head else head + answer.body)
        if is_last:
            self.close()

    def _too_long(self) -> None:
        limit = self._door.limits.body_bytes
        self._fail(413, f"body: more than the {limit} bytes allowed")

    def _fail(self, status: int, message: str) -> None:
        """Answer what is no request, and close: where the next one begins is unknown."""
        if self._is_closing:
            return
        self._is_closing = True
        if self._is_answering or self._transport is None:
            return  # the one before it gets its answer, and no more
        answer = self._door.handler.refuse(status, message)
        self._transport.write(_head(answer, self._door.date, True) + answer.body)
        # Closing now would reset a client that is still sending, answer and all.
        self._since = time.monotonic()
        self._is_reading = False
        self._transport.write_eof()

    def _count_head(self, more: int) -> None:
        self._head_bytes += more
        limit = self._door.limits.head_bytes
        if self._head_bytes > limit:
            self._fail(431, f"headers: more than the {limit} bytes allowed")

    def check(self, now: float) -> None:
        """Close a connection that has been silent, or slow, for too long."""
        limits, waited = self._door.limits, now - self._since
        if self._is_answering:
            return
        if (self._is_closing and waited > limits.linger_seconds) or (
            self._is_stuffed and waited > limits.read_seconds
        ):
            self.abort()
        elif self._is_reading and waited > limits.read_seconds:
            self._fail(408, f"not all of the request came in {limits.read_seconds:g} s")
        elif not self._is_reading and waited > limits.idle_seconds:
            self.close()

    def close(self) -> None:
        """Close once what was written has been sent."""
        self._is_closing = True
        self._is_reading = False
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close now, whatever the client has not read."""
        if self._transport is not None:
            self._transport.abort()


def _head(answer: Answer, date: bytes, is_last: bool) -> bytes:
    return b"%b%b%b%bContent-Length: %d\r\n\r\n" % (
        _STARTS[answer.status],
        date,
        answer.headers,
        b"Connection: close\r\n" if is_last else b"",
        len(answer.body),
    )
