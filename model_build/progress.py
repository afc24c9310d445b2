"""What a person sees of long work: one line at a time, so that CI logs stay plain."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import TextIO

EVERY_SECONDS = 10.0


@dataclass
class Progress:
    """Prints to stderr: stdout is for results."""

    stream: TextIO = field(default_factory=lambda: sys.stderr)
    started: float = field(default_factory=time.monotonic)
    _said: float = 0.0

    def say(self, text: str) -> None:
        """Print a line with the minutes since the start."""
        minutes, seconds = divmod(int(time.monotonic() - self.started), 60)
        print(f"[{minutes:02d}:{seconds:02d}] {text}", file=self.stream, flush=True)
        self._said = time.monotonic()

    def tick(
        self, label: str, done: int, total: int, begun: float, **facts: float
    ) -> None:
        """Print how far it is, at most every ten seconds; `begun` is monotonic."""
        now = time.monotonic()
        if now - self._said < EVERY_SECONDS and done < total:
            return
        left = (now - begun) / done * (total - done)
        shown = "".join(f"  {name} {value:.3f}" for name, value in facts.items())
        self.say(f"  {label}: {done}/{total}{shown}  about {left:.0f} s left")
