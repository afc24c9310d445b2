"""What a person sees of a long run: one line that changes, or in CI a line at times."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import TextIO

_TERMINAL_S, _PLAIN_S = 1.0, 30.0


@dataclass
class Progress:
    """Prints to stderr: stdout is for the result."""

    stream: TextIO = field(default_factory=lambda: sys.stderr)
    _lines: int = 0
    _began: float = 0.0  # time.monotonic() of the first answers, and so far the share
    _share: float = 0.0
    _said: float = 0.0

    def say(self, text: str) -> None:
        print(text, file=self.stream, flush=True)

    def add(self, lines: int, share: float) -> None:
        """Count answered lines; `share` of the input, 0 to 1, has been read."""
        now = time.monotonic()
        if not self._began:
            self._began = self._said = now
            self._share = share
            return
        self._lines += lines
        is_terminal = self.stream.isatty()
        if now - self._said >= (_TERMINAL_S if is_terminal else _PLAIN_S):
            self._said = now
            text = self._text(now - self._began, share)
            self.stream.write(f"\r{text:60}" if is_terminal else f"{text}\n")
            self.stream.flush()

    def end(self) -> None:
        """Leave the line that changes."""
        if self.stream.isatty() and self._said > self._began:
            self.say("")

    def _text(self, seconds: float, share: float) -> str:
        rate = f"{self._lines:,} lines, {self._lines / seconds:,.0f} a second"
        if share <= self._share:
            return rate
        left = seconds * (1 - share) / (share - self._share)
        return f"{rate}, {left / 60:.1f} minutes left"
