"""What comes in and goes out, and who answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

Cancel = Callable[[], None]

_JSON = b"Content-Type: application/json\r\n"
_STARTS = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
    for status in HTTPStatus
}


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

    def refuse(self, status: int, message: str, seconds: float, /) -> Answer:
        """Say what is wrong with a request that cannot be handed on."""
        ...


def head_of(answer: Answer, date: bytes, is_last: bool) -> bytes:
    return b"%b%b%b%bContent-Length: %d\r\n\r\n" % (
        _STARTS[answer.status],
        date,
        answer.headers,
        b"Connection: close\r\n" if is_last else b"",
        len(answer.body),
    )
