"""Sends what it is given, reads what comes back, and minds what never should."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

QUIET_S = 0.03  # no answer by then: the server waits for more, which never comes
HANG_S = 10.0

_STATUS = re.compile(rb"HTTP/1\.1 (\d\d\d) ")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


@dataclass
class Outcome:
    """What came of the requests; `statuses` has 0 for a closed connection."""

    statuses: Counter[int] = field(default_factory=Counter)
    hung: int = 0
    unreachable: int = 0
    complaints: list[str] = field(default_factory=list)

    @property
    def requests(self) -> int:
        return self.statuses.total() + self.hung + self.unreachable

    @property
    def errors(self) -> int:
        """Answers that say the server, not the client, was at fault.

        504 is none: it answers a client that has set itself a deadline.
        """
        return sum(n for s, n in self.statuses.items() if s >= 500 and s != 504)

    def note(self, status: int, content: bytes, name: str, answer: bytes) -> None:
        self.statuses[status] += 1
        if status >= 500 and status != 504:
            self.complain(f"{name}: {content[:200]!r} got {answer[:200]!r}")

    def complain(self, text: str) -> None:
        if len(self.complaints) < 20:
            self.complaints.append(text)


async def attack(
    port: int,
    contents: Iterator[tuple[str, bytes]],
    outcome: Outcome,
    *,
    at_once: int = 32,
) -> None:
    """Send each (name, content) over a connection of its own, `at_once` together."""
    await asyncio.gather(*[_send_all(port, contents, outcome) for _ in range(at_once)])


async def _send_all(
    port: int, contents: Iterator[tuple[str, bytes]], outcome: Outcome
) -> None:
    for name, content in contents:
        try:
            async with asyncio.timeout(HANG_S):
                await _send(port, name, content, outcome)
        except TimeoutError:
            outcome.hung += 1
            outcome.complain(f"{name}: {content[:200]!r}: no end after {HANG_S:.0f} s")
        except OSError as error:
            outcome.unreachable += 1
            outcome.complain(f"{name}: {content[:200]!r}: {error}")


async def _send(port: int, name: str, content: bytes, outcome: Outcome) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = b""
    try:
        with contextlib.suppress(ConnectionError):  # refused before all was sent
            writer.write(content)
            await writer.drain()
        with contextlib.suppress(ConnectionError):
            answer = await _read(reader, writer)
    finally:
        writer.close()
    statuses = [int(status) for status in _STATUS.findall(answer)]
    outcome.note(max(statuses, default=0), content, name, answer)


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Return what is answered: a whole answer, or all until the server closes.

    Where less comes, the client's side is closed, and the server must close too.
    """
    answer = b""
    while not _is_whole(answer):
        try:
            async with asyncio.timeout(QUIET_S if not answer else 1):
                if not (received := await reader.read(65536)):
                    return answer
        except TimeoutError:
            break
        answer += received
    if not _is_whole(answer) and writer.can_write_eof():
        writer.write_eof()
        while received := await reader.read(65536):  # bounded by HANG_S
            answer += received
    return answer


def _is_whole(answer: bytes) -> bool:
    """Whether the last of the answers is here to its end."""
    start = max(answer.rfind(b"HTTP/1.1 "), 0)
    last, found, body = answer[start:].partition(b"\r\n\r\n")
    if not found or last.startswith(b"HTTP/1.1 100"):
        return False
    length = _LENGTH.search(last + b"\r\n")
    return length is None or len(body) >= int(length[1])


@contextlib.asynccontextmanager
async def half_open(port: int, count: int) -> AsyncIterator[None]:
    """Hold `count` connections that send a byte of a head now and then."""
    writers = []
    for _ in range(count):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writers.append(writer)

    async def drip() -> None:
        text = b"POST / HTTP/1.1\r\nX-Slow: " + b"a" * 10_000
        for place in range(len(text)):
            for writer in writers:
                if not writer.is_closing():
                    writer.write(text[place : place + 1])
            await asyncio.sleep(1)

    dripping = asyncio.create_task(drip())
    try:
        yield
    finally:
        dripping.cancel()
        for writer in writers:
            writer.close()
