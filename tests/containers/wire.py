"""The door without a network: bytes in, parsed answers out, in one thread."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from typing import Any

from containers.flask.connection import Connection
from containers.flask.door import Door


@dataclass(frozen=True)
class Said:
    """One answer as a client reads it."""

    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """One connection to a door: what asyncio's transport is to the protocol."""

    def __init__(self, door: Door) -> None:
        self.sent = b""
        self.is_open = True
        self.is_reading = True
        self.protocol: Any = Connection(door)
        self.protocol.connection_made(self)

    def send(self, *chunks: bytes) -> None:
        for chunk in chunks:
            self.protocol.data_received(chunk)

    def hang_up(self) -> None:
        self.is_open = False
        self.protocol.connection_lost(None)

    def answers(self) -> list[Said]:
        """Return the answers so far, apart."""
        found, rest = [], self.sent
        while rest:
            head, _, rest = rest.partition(b"\r\n\r\n")
            line, _, lines = head.partition(b"\r\n")
            headers = message_from_bytes(lines)
            length = int(headers.get("Content-Length", 0))
            found.append(Said(int(line.split()[1]), headers, rest[:length]))
            rest = rest[length:]
        return found

    # asyncio.Transport

    def write(self, data: bytes) -> None:
        assert self.is_open, "written after it was closed"
        self.sent += data

    def write_eof(self) -> None:
        pass

    def close(self) -> None:
        self.is_open = False

    abort = close

    def pause_reading(self) -> None:
        self.is_reading = False

    def resume_reading(self) -> None:
        self.is_reading = True


def request(
    path: str, body: bytes | None = None, *, method: str = "", **headers: str
) -> bytes:
    """Return a request's bytes; headers' underscores are hyphens."""
    lines = [f"{method or ('GET' if body is None else 'POST')} {path} HTTP/1.1"]
    lines += ["Host: test"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body is not None and "Transfer_Encoding" not in headers:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")


def chunked(body: bytes, *, size: int = 7) -> bytes:
    pieces = [body[i : i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in [*pieces, b""])


def ask(door: Door, path: str, body: bytes | None = None, **options: str) -> Said:
    """Send one request on a connection of its own; the answer comes at once."""
    wire = Wire(door)
    wire.send(request(path, body, **options))
    (said,) = wire.answers()
    return said


def in_loop(act: Callable[[], None]) -> None:
    """Run what needs a running loop, and let it turn a few times after."""

    async def run() -> None:
        act()
        for _ in range(20):
            await asyncio.sleep(0)

    asyncio.run(run())
