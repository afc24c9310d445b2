"""The report's pictures, as numbers that a template draws: no script, no library."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from model_build.calibration import Calibration
from model_build.report import Report, VariantReport
from model_build.statistics import Interval


@dataclass(frozen=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True)
class Scale:
    """Values to pixels, in a line or logarithmically; `end` may be above `start`."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, at = self.low, self.high, value
        if self.log:
            low, high, at = math.log(low), math.log(high), math.log(at)
        share = (at - low) / (high - low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self, form: Callable[[float], str]) -> list[Tick]:
        """At round numbers: 1, 2 and 5 times a power of ten, or equal steps of one."""
        if self.log:
            steps = [m * 10.0**e for e in range(-5, 10) for m in (1, 2, 5)]
        else:
            size = _round_step((self.high - self.low) / 5)
            first = math.ceil(self.low / size - 1e-9)
            steps = [size * k for k in range(first, math.floor(self.high / size) + 1)]
        return [Tick(self(s), form(s)) for s in steps if self.low <= s <= self.high]


def _round_step(size: float) -> float:
    power = 10.0 ** math.floor(math.log10(size))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= size)


@dataclass(frozen=True)
class Point:
    """One variant in a panel, in pixels."""

    variant: VariantReport
    x: float
    y: float
    top: float  # of the quality's interval
    bottom: float
    label_y: float
    anchor: str  # of the label: it stays within the picture


@dataclass(frozen=True)
class Panel:
    """Quality against one cost; the line joins what nothing beats at both."""

    title: str
    points: Sequence[Point]
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    frontier: str  # an SVG polyline's points
    width: int = 384
    height: int = 330
    left: int = 46
    right: int = 14
    top: int = 34
    bottom: int = 44


COSTS: Sequence[tuple[str, Callable[[VariantReport], float | None]]] = (
    ("p99 through the server, ms", lambda v: v.serving.p99_ms if v.serving else None),
    ("model file, MB", lambda v: v.bytes / 1e6),
    ("dollars per million predictions", lambda v: v.dollars_per_million),
)


def panels(report: Report) -> list[Panel]:
    """Quality against p99, bytes and dollars; without what was not measured."""
    quality = [v.quality.figures[report.measure].own for v in report.variants]
    bottom = min(q.low for q in quality) - 0.004
    top = max(q.high for q in quality) + 0.012
    found = []
    for title, cost in COSTS:
        known = [(c, v) for v in report.variants if (c := cost(v)) is not None]
        if known:
            found.append(_panel(report, title, known, (bottom, top)))
    return found


def _panel(
    report: Report,
    title: str,
    known: Sequence[tuple[float, VariantReport]],
    shares: tuple[float, float],
) -> Panel:
    low, high = min(c for c, _ in known) / 1.5, max(c for c, _ in known) * 1.5
    x = Scale(low, high, Panel.left, Panel.width - Panel.right, log=True)
    y = Scale(*shares, Panel.height - Panel.bottom, Panel.top)
    points: list[Point] = []
    for cost, variant in sorted(known, key=lambda each: each[0]):
        own = variant.quality.figures[report.measure].own
        points.append(_point(variant, x(cost), own, y, points))
    frontier = _frontier([(p.x, p.y) for p in points])
    return Panel(
        title,
        points,
        x.ticks(lambda v: f"{v:g}"),
        y.ticks(lambda v: f"{100 * v:g} %"),
        " ".join(f"{across:g},{up:g}" for across, up in frontier),
    )


def _point(
    variant: VariantReport, x: float, own: Interval, y: Scale, placed: Sequence[Point]
) -> Point:
    """Put the name above the interval; where others are in the way, further up or below."""
    start, end = y(own.high) - 6, y(own.low) + 15
    above = [start - 13 * k for k in range(25) if start - 13 * k > Panel.top + 8]
    below = [end + 13 * k for k in range(25)]
    near = [p.label_y for p in placed if abs(p.x - x) < 70]
    free = (at for at in (*above, *below) if all(abs(at - n) >= 13 for n in near))
    label = next(free, end)
    anchor = "middle"
    if x < Panel.left + 40:
        anchor = "start"
    elif x > Panel.width - Panel.right - 40:
        anchor = "end"
    return Point(variant, x, y(own.value), y(own.high), y(own.low), label, anchor)


def _frontier(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Cheapest first, each higher (a smaller y) than all before it."""
    kept: list[tuple[float, float]] = []
    for x, y in sorted(points):
        if not kept or y < kept[-1][1]:
            kept.append((x, y))
    return kept


Kind = Literal["mark", "good", "bad"]


@dataclass(frozen=True)
class Bar:
    """One step of a waterfall, in shares of its column's width."""

    start: float
    width: float
    kind: Kind  # where it begins, for the better or worse
    label: str


@dataclass(frozen=True)
class Fall:
    """One pass of the released chain: where it took quality and each cost."""

    variant: VariantReport
    bars: Sequence[Bar | None]  # one a column; None where it was not measured


def waterfall(report: Report) -> list[Fall]:
    """From the baseline to the released variant, pass by pass, in columns."""
    chain = report.chain
    columns: list[list[float | None]] = [
        [v.quality.figures[report.measure].own.value for v in chain],
        *([cost(v) for v in chain] for _, cost in COSTS),
    ]
    forms = ("{:.1%}", "{:.1f} ms", "{:.1f} MB", "${:.3f}")
    bars = [
        _bars(column, form, better=1 if index == 0 else -1)
        for index, (column, form) in enumerate(zip(columns, forms, strict=True))
    ]
    return [
        Fall(v, each) for v, each in zip(chain, zip(*bars, strict=True), strict=True)
    ]


def _bars(
    values: Sequence[float | None], form: str, *, better: int
) -> list[Bar | None]:
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return [None] * len(values)
    low = 0.0 if better < 0 else min(known) - 0.25 * (max(known) - min(known) or 0.01)
    scale = Scale(low, max(known), 0, 100)
    bars: list[Bar | None] = []
    for before, value in zip([low, *known], known, strict=False):
        ends = sorted((scale(before), scale(value)))
        kind: Kind = "good" if better * (value - before) >= 0 else "bad"
        bars.append(
            Bar(
                ends[0],
                max(ends[1] - ends[0], 0.6),
                kind if bars else "mark",
                form.format(value),
            )
        )
    return bars


@dataclass(frozen=True)
class Dot:
    x: float
    y: float
    top: float
    bottom: float
    radius: float
    title: str


@dataclass(frozen=True)
class Reliability:
    """How often answers are right, against how sure they are."""

    name: str
    error: float
    dots: Sequence[Dot]
    ticks: Sequence[Tick]  # of both axes; `at` runs from the left
    size: int = 300
    margin: int = 40


def reliability(name: str, found: Calibration) -> Reliability:
    size, margin = Reliability.size, Reliability.margin
    x = Scale(0, 1, margin, size - 12)
    y = Scale(0, 1, size - margin, 12)
    most = max(each.examples for each in found.bins)
    dots = [
        Dot(
            x(each.said),
            y(each.right.value),
            y(each.right.high),
            y(each.right.low),
            2 + 6 * math.sqrt(each.examples / most),
            f"{each.examples} answers: {each.said:.1%} sure, {each.right.value:.1%} right",
        )
        for each in found.bins
    ]
    ticks = x.ticks(lambda v: f"{v:.0%}")
    return Reliability(name, found.error, dots, ticks)


@dataclass(frozen=True)
class Search:
    """Every point that a search tried; those that became variants have names."""

    dots: Sequence[tuple[Dot, str | None]]
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    width: int = 760
    height: int = 320
    left: int = 46
    bottom: int = 44


def search(report: Report) -> Search | None:
    if not report.tried:
        return None
    costs, shares = zip(*((t.cost, t.quality) for t in report.tried), strict=True)
    x = Scale(min(costs) / 1.2, max(costs) * 1.2, Search.left, Search.width - 14, True)
    y = Scale(min(shares) - 0.01, max(shares) + 0.01, Search.height - Search.bottom, 14)
    dots = [
        (
            Dot(
                x(t.cost),
                y(t.quality),
                0,
                0,
                3.0 + t.rung,
                f"{t.number}: {', '.join(f'{k} {v}' for k, v in t.settings.items())}",
            ),
            t.variant,
        )
        for t in report.tried
    ]
    return Search(
        dots, x.ticks(lambda v: f"{v:g}"), y.ticks(lambda v: f"{100 * v:g} %")
    )
