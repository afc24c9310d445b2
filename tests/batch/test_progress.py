"""Progress is one line that changes, or in CI a line at times."""

from __future__ import annotations

from io import StringIO

import pytest

from batch.progress import Progress


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


def said(progress: Progress, clock: list[float], seconds: int) -> None:
    """A thousand lines a second, of a hundred thousand."""
    for second in range(seconds + 1):
        progress.add(1000, second / 100)
        clock[0] += 1
    progress.end()


def test_in_ci_it_is_a_line_every_half_minute(clock: list[float]) -> None:
    stream = StringIO()
    said(Progress(stream), clock, 75)
    assert stream.getvalue().splitlines() == [
        "30,000 lines, 1,000 a second, 1.2 minutes left",
        "60,000 lines, 1,000 a second, 0.7 minutes left",
    ]


def test_at_a_terminal_it_is_one_line(clock: list[float]) -> None:
    stream = Terminal()
    said(Progress(stream), clock, 75)
    assert stream.getvalue().count("\n") == 1
    last = stream.getvalue().split("\r")[-1]
    assert last.strip() == "75,000 lines, 1,000 a second, 0.4 minutes left"


def test_what_was_over_soon_says_nothing(clock: list[float]) -> None:
    stream = Terminal()
    said(Progress(stream), clock, 0)
    assert stream.getvalue() == ""
