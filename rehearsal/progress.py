"""What a rehearsal is doing, said in plain lines that a pipe can keep."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Progress:
    """Says each step as it begins, with the seconds since the start, and times it."""

    say: Callable[[str], None]
    begun: float = field(default_factory=time.monotonic)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str, text: str) -> Iterator[None]:
        self.note(text)
        start = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - start, 1)

    def note(self, text: str) -> None:
        self.say(f"{time.monotonic() - self.begun:6.1f} s  {text}")
