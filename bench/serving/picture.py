"""The 99th percentile against the offered rate, one colour a server, as SVG.

Drawn by hand: no plotting library is installed where benches run, and a style sheet
inside the picture follows the reader's light or dark page.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

from bench.serving.result import Result
from bench.serving.search import Window

_WIDTH, _HEIGHT = 800, 430
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 236, 24, 52
_MOST_MS = 1000.0  # above, and for windows that lost answers: drawn at the edge

# Wong's palette (https://doi.org/10.1038/nmeth.1618), told apart by colour-blind eyes.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
_STYLE = """
  text { font: 12.5px system-ui, sans-serif; fill: #24292f }
  .grid { stroke: #d0d7de; stroke-width: 1 } .bound { stroke: #cf222e; stroke-dasharray: 5 4 }
  .bound-name { fill: #cf222e } .line { fill: none; stroke-width: 2 } .dot { fill-opacity: .55 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .grid { stroke: #30363d }
    .bound { stroke: #f85149 } .bound-name { fill: #f85149 }
  }
"""


class _Scale:
    """Two logarithmic axes, in pixels."""

    def __init__(self, windows: Sequence[Window]) -> None:
        rates = [w.rate for w in windows]
        late = [w.p99_ms for w in windows if w.p99_ms < _MOST_MS]
        self.slowest, self.fastest = min(rates) * 0.9, max(rates) * 1.1
        self.least = min([*late, 50.0]) * 0.8

    def x(self, rate: float) -> float:
        share = math.log(rate / self.slowest) / math.log(self.fastest / self.slowest)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(self, ms: float) -> float:
        share = math.log(min(ms, _MOST_MS) / self.least) / math.log(
            _MOST_MS / self.least
        )
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def picture(result: Result) -> str:
    """Return the SVG; every dot is a window, a line joins medians of like rates."""
    windows = [w for w in result.windows if w.kept_schedule]
    scale = _Scale(windows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" height="{_HEIGHT}" role="img">',
        "<title>Latency that 99 % of requests stayed within, by offered rate</title>",
        f"<style>{_STYLE}</style>",
        *_axes(scale, result.slo_ms),
    ]
    for place, server in enumerate(result.servers):
        own = [w for w in windows if w.server == server.name]
        parts += _server(scale, own, server.name, _COLOURS[place % 4], place)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _axes(scale: _Scale, slo_ms: float) -> Iterator[str]:
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    for ms in _ticks(scale.least, _MOST_MS):
        y = scale.y(ms)
        yield f'<path class="grid" d="M{_LEFT} {y:.1f}H{right}"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{ms:g}</text>'
    for rate in _ticks(scale.slowest, scale.fastest):
        x = scale.x(rate)
        yield f'<path class="grid" d="M{x:.1f} {_TOP}V{bottom}"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{rate:g}</text>'
    y = scale.y(slo_ms)
    yield f'<path class="bound" d="M{_LEFT} {y:.1f}H{right}"/>'
    yield f'<text class="bound-name" x="{_LEFT + 6}" y="{y - 6:.1f}">p99 {slo_ms:g} ms</text>'
    middle = (_LEFT + right) / 2
    yield f'<text x="{middle}" y="{_HEIGHT - 14}" text-anchor="middle">requests offered a second</text>'
    yield f'<text x="{_LEFT}" y="{_TOP - 8}">p99, ms</text>'


def _ticks(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 of each decade between two values."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [step * 10.0**decade for decade in decades for step in (1, 2, 5)]
    return [tick for tick in ticks if low <= tick <= high]


def _server(
    scale: _Scale, own: Sequence[Window], name: str, colour: str, place: int
) -> Iterator[str]:
    points = [(scale.x(w.rate), scale.y(w.p99_ms)) for w in own]
    for x, y in points:
        yield f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in _medians(points))
    yield f'<polyline class="line" stroke="{colour}" points="{line}"/>'
    x, y = _WIDTH - _RIGHT + 14, _TOP + 14 + 22 * place
    yield f'<rect x="{x}" y="{y - 9}" width="12" height="10" fill="{colour}"/>'
    yield f'<text x="{x + 18}" y="{y}">{escape(name)}</text>'


def _medians(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the middle of every band of 14 pixels that has points."""
    bands: dict[int, list[tuple[float, float]]] = {}
    for x, y in points:
        bands.setdefault(int(x // 14), []).append((x, y))
    return [
        (
            sum(x for x, _ in band) / len(band),
            sorted(y for _, y in band)[len(band) // 2],
        )
        for _, band in sorted(bands.items())
    ]
