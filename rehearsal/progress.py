"""What a rehearsal is doing, said in plain lines that a pipe can keep."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Progress:
    """Says each thing as it begins, with the seconds since the start."""

    say: Callable[[str], None]
    begun: float = field(default_factory=time.monotonic)

    def note(self, text: str) -> None:
        self.say(f"{time.monotonic() - self.begun:6.1f} s  {text}")
