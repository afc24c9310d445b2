"""How many requests come when: a profile that repeats itself."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

MINUTES_A_DAY = 1440
_MOST_MINUTES = 31 * MINUTES_A_DAY
_COLUMNS = ("hour", "requests_per_second")
_LEAST = 1e-6  # requests a second, on average


class TrafficError(ValueError):
    """A profile that cannot be read."""


@dataclass(frozen=True)
class Profile:
    """Requests a second in each minute, over and over."""

    name: str
    rates: tuple[float, ...]

    @property
    def mean(self) -> float:
        return sum(self.rates) / len(self.rates)

    @property
    def peak(self) -> float:
        return max(self.rates)

    @property
    def is_steady(self) -> bool:
        return self.peak == min(self.rates)

    def at(self, mean: float) -> Profile:
        """Return the same shape with another mean, in requests a second."""
        scale = mean / self.mean
        return Profile(self.name, tuple(rate * scale for rate in self.rates))


def _steady(minute: int) -> float:
    return 1.0


def _day_night(minute: int) -> float:
    """Nine times as much in the afternoon as before dawn."""
    return 1 + 0.8 * math.sin(2 * math.pi * (minute / MINUTES_A_DAY - 1 / 3))


def _bursts(minute: int) -> float:
    """Ten minutes of each hour with five times as much, as timers of clients do."""
    return 5.0 if minute % 60 < 10 else 1.0


SHAPES: Mapping[str, tuple[Callable[[int], float], int]] = {  # and its minutes
    "steady": (_steady, 1),
    "day-night": (_day_night, MINUTES_A_DAY),
    "bursts": (_bursts, 60),
}


def shape(name: str) -> Profile:
    """Return one of SHAPES with a mean of 1 request a second."""
    rate, minutes = SHAPES[name]
    return Profile(name, tuple(map(rate, range(minutes)))).at(1)


def read_profile(path: Path) -> Profile:
    """Read `hour,requests_per_second` rows: a rate holds from its hour to the next row's.

    The last row holds as long as the one before it, then all begins again; hours may
    have fractions. Raises TrafficError naming the file, the line, the value and the
    bound.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            points = list(_points(path, csv.reader(file)))
    except FileNotFoundError:
        raise TrafficError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TrafficError(f"{path}: cannot be read as CSV: {error}") from error
    if len(points) < 2:
        raise TrafficError(f"{path}: {len(points)} rows, 2 or more are wanted")
    profile = Profile(path.stem, tuple(_minutes(points)))
    if not profile.peak:
        raise TrafficError(f"{path}: requests_per_second: 0 in every minute")
    if profile.mean < _LEAST:
        mean = f"{profile.mean:.3g} on average"
        raise TrafficError(f"{path}: requests_per_second: {mean} is below {_LEAST:g}")
    return profile


def _points(path: Path, rows: Iterator[list[str]]) -> Iterator[tuple[float, float]]:
    """Yield the minute from which each rate holds."""
    header = tuple(cell.strip() for cell in next(rows, []))
    if header != _COLUMNS:
        raise TrafficError(
            f"{path}: line 1: {','.join(header)[:60]!r} is not {','.join(_COLUMNS)!r}"
        )
    last = -1.0
    for number, row in enumerate(rows, start=2):
        if not any(cell.strip() for cell in row):
            continue
        where = f"{path}: line {number}"
        if len(row) != len(_COLUMNS):
            raise TrafficError(f"{where}: {len(row)} cells, {len(_COLUMNS)} wanted")
        hour, rate = (
            _figure(f"{where}: {name}", cell)
            for name, cell in zip(_COLUMNS, row, strict=True)
        )
        minute = hour * 60
        if last < 0 < minute:
            raise TrafficError(f"{where}: hour: {hour:g}: the first is 0")
        if minute <= last:
            raise TrafficError(f"{where}: hour: {hour:g} is not after {last / 60:g}")
        if minute > _MOST_MINUTES:
            raise TrafficError(
                f"{where}: hour: {hour:g} is above {_MOST_MINUTES / 60:g}"
            )
        yield minute, rate
        last = minute


def _figure(where: str, cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        raise TrafficError(f"{where}: {cell[:40]!r} is not a number") from None
    if not 0 <= value < 1e9:
        raise TrafficError(f"{where}: {value:g} is not from 0 to 1e9")
    return value


def _minutes(points: list[tuple[float, float]]) -> Iterator[float]:
    """Yield the mean rate of each minute."""
    starts = [minute for minute, _ in points]
    starts.append(2 * starts[-1] - starts[-2])
    place = 0
    for minute in range(max(1, math.ceil(starts[-1]))):
        end, at, total = min(minute + 1.0, starts[-1]), float(minute), 0.0
        begun = at
        while at < end:
            until = min(end, starts[place + 1])
            total += points[place][1] * (until - at)
            at = until
            if at >= starts[place + 1] and place + 2 < len(starts):
                place += 1
        yield total / (end - begun)
