"""report.html: the decision report as a page that opens anywhere, without a network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from model_build.report import Report, VariantReport
from model_build.statistics import Interval

WIDTH, HEIGHT, MARGIN = 760, 400, 64
NAMES = {
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "exact_match": "exact match",
    "f1": "F1 of words",
}


@dataclass(frozen=True)
class Point:
    """One variant in the picture, in pixels."""

    variant: VariantReport
    x: float
    y: float
    top: float  # of the quality's interval
    bottom: float
    radius: float
    label_y: float


@dataclass(frozen=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True)
class Picture:
    """Quality against latency; area is size; the line joins the Pareto set."""

    points: Sequence[Point]
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    pareto: str  # an SVG polyline's points
    width: int = WIDTH
    height: int = HEIGHT
    margin: int = MARGIN


def render(report: Report) -> str:
    """Return the whole page: no script, no font, no image from elsewhere."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": lambda x: f"{100 * x:.1f} %",
        "interval": _interval,
        "ratio_interval": _ratio_interval,
        "size": _size,
        "count": lambda x: f"{x:,}".replace(",", " "),
        "figure": lambda x: f"{x:.4g}",
        "named": lambda figure: NAMES[figure],
        "p": lambda p: "< 0.001" if p < 0.001 else f"{p:.3f}",
    }
    template = environment.get_template("report.html.j2")
    return template.render(report=report, picture=_picture(report))


def _interval(found: Interval) -> str:
    return f"{100 * found.value:.1f} % [{100 * found.low:.1f}, {100 * found.high:.1f}]"


def _ratio_interval(found: Interval) -> str:
    return f"{found.value:.2f} x [{found.low:.2f}, {found.high:.2f}]"


def _size(count: float) -> str:
    return f"{count / 1e6:.1f} MB"


def _picture(report: Report) -> Picture | None:
    measured = [v for v in report.variants if v.serving is not None]
    if not measured:
        return None
    latencies = [v.serving.p50_ms for v in measured if v.serving]
    low, high = math.log(min(latencies) / 1.4), math.log(max(latencies) * 1.4)
    quality = [v.quality.figures[report.measure].own for v in measured]
    bottom = min(q.low for q in quality) - 0.005
    top = max(q.high for q in quality) + 0.005

    def x(milliseconds: float) -> float:
        share = (math.log(milliseconds) - low) / (high - low)
        return MARGIN + share * (WIDTH - 2 * MARGIN)

    def y(share: float) -> float:
        return (
            HEIGHT
            - MARGIN
            - (share - bottom) / (top - bottom) * (HEIGHT - 1.5 * MARGIN)
        )

    largest = max(v.bytes for v in measured)
    points: list[Point] = []
    for v in measured:
        assert v.serving is not None
        f1 = v.quality.figures[report.measure].own
        across, up = x(v.serving.p50_ms), y(f1.value)
        radius = 22 * math.sqrt(v.bytes / largest)
        label = up - radius - 8
        while any(
            abs(p.x - across) < 90 and abs(p.label_y - label) < 15 for p in points
        ):
            label -= 15
        points.append(Point(v, across, up, y(f1.high), y(f1.low), radius, label))
    best = sorted((p for p in points if not p.variant.dominated_by), key=lambda p: p.x)
    return Picture(
        points=sorted(points, key=lambda p: -p.radius),
        x_ticks=[
            Tick(x(t), f"{t:g}") for t in _round_numbers(math.exp(low), math.exp(high))
        ],
        y_ticks=[
            Tick(y(k / 100), f"{k} %")
            for k in range(math.ceil(100 * bottom), math.floor(100 * top) + 1)
            if k % (2 if top - bottom > 0.08 else 1) == 0
        ],
        pareto=" ".join(f"{p.x:.1f},{p.y:.1f}" for p in best),
    )


def _round_numbers(low: float, high: float) -> list[float]:
    every = [m * 10.0**e for e in range(-2, 5) for m in (1, 2, 5)]
    return [t for t in every if low <= t <= high]
