"""Resident memory of a server, watched from a thread while something else goes on."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.server import Server, ServerError


@dataclass
class Watched:
    """MiB of all the server's processes, twice a second."""

    mib: list[float] = field(default_factory=list)

    @property
    def growth_percent(self) -> float:
        """Return how much the last fifth is above the second, medians.

        The first fifth is left out: it is when buffers and thread stacks come.
        """
        fifth = max(1, len(self.mib) // 5)
        if len(self.mib) < 5:
            return float("nan")
        before = statistics.median(self.mib[fifth : 2 * fifth])
        return 100 * (statistics.median(self.mib[-fifth:]) / before - 1)


@contextmanager
def watch(
    server: Server, say: Callable[[str], None] = lambda _: None
) -> Iterator[Watched]:
    """Sample while the block lasts; `say` gets a line of progress every 10 s.

    Raises ServerError if the server is gone at the end.
    """
    watched, done, started = Watched(), threading.Event(), time.monotonic()

    def run() -> None:
        said = started
        while not done.wait(0.5):
            watched.mib.append(server.resident_mib())
            if time.monotonic() - said >= 10:
                said = time.monotonic()
                say(f"{said - started:6.0f} s  {watched.mib[-1]:7.1f} MiB")

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield watched
    finally:
        done.set()
        thread.join()
    if (code := server.process.poll()) is not None:
        raise ServerError(f"the server ended by itself, with {code}")
