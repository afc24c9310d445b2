"""The door: who is in, what they may do, and how they are shown out."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Protocol

from containers.flask.message import Handler


@dataclass(frozen=True)
class Limits:
    """What a client may send, and how long it may take."""

    body_bytes: int = 256 * 1024
    head_bytes: int = 16 * 1024
    held_bytes: int = 64 * 1024 * 1024  # of all bodies that are not whole yet
    read_seconds: float = 20.0  # from a request's first byte to its last
    idle_seconds: float = 75.0  # over the 60 s of a load balancer, or it meets a reset
    linger_seconds: float = 2.0  # a refused sender may take in its answer
    connections: int = 4096


class Guest(Protocol):
    """One open connection, as the door sees it."""

    @property
    def is_busy(self) -> bool: ...

    @property
    def has_unread(self) -> bool: ...

    def check(self, now: float, /) -> None: ...

    def close(self) -> None: ...


@dataclass
class Door:
    """Every open connection of one listening process."""

    handler: Handler
    limits: Limits = field(default_factory=Limits)
    is_draining: bool = False
    date: bytes = b""
    held_bytes: int = 0

    def __post_init__(self) -> None:
        self._connections: set[Guest] = set()
        self.tick()

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
            if not (connection.is_busy or connection.has_unread):
                connection.close()

    def join(self, connection: Guest) -> bool:
        """Count a connection in, if there is room."""
        if len(self._connections) >= self.limits.connections:
            return False
        self._connections.add(connection)
        return True

    def leave(self, connection: Guest) -> None:
        self._connections.discard(connection)
