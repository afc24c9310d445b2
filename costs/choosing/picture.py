"""The monthly cost against the traffic, one line a kind of endpoint, as SVG.

Drawn by hand, as the load bench's picture is; a style sheet inside it follows the
reader's light or dark page.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise

from costs.choosing.break_even import KINDS, BreakEven, Point
from costs.scale import number

_WIDTH, _HEIGHT = 800, 430
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 190, 28, 52
# Wong's palette (https://doi.org/10.1038/nmeth.1618), told apart by colour-blind eyes.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
_STYLE = """
  text { font: 12.5px system-ui, sans-serif; fill: #24292f }
  .grid { stroke: #d0d7de } .line { fill: none; stroke-width: 2 }
  .late { stroke-dasharray: 5 4 } .asked { stroke: #cf222e; stroke-dasharray: 2 3 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .grid { stroke: #30363d } .asked { stroke: #f85149 }
  }
"""


class _Axes:
    """Two logarithmic axes, in pixels."""

    def __init__(self, points: Sequence[Point]) -> None:
        costs = [o.monthly for point in points for o in point.offers.values()]
        self.rates = points[0].requests_per_second, points[-1].requests_per_second
        self.costs = min(costs) / 1.3, max(costs) * 1.3

    def x(self, rate: float) -> float:
        low, high = self.rates
        share = math.log(rate / low) / math.log(high / low)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(self, cost: float) -> float:
        low, high = self.costs
        share = math.log(cost / low) / math.log(high / low)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def picture(
    title: str,
    asked: float | None,
    points: Sequence[Point],
    crossings: Sequence[BreakEven],
    kinds: Sequence[str] = tuple(KINDS.values()),
) -> str:
    """Return the SVG; dashed is what does not keep the p99 that was asked for."""
    axes = _Axes(points)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
            f'width="{_WIDTH}" height="{_HEIGHT}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}</style>",
            *_grid(axes, asked),
            *(
                line
                for place, kind in enumerate(kinds)
                for line in _kind(axes, points, kind, place)
            ),
            *_crossings(axes, points, crossings),
            "</svg>",
            "",
        ]
    )


def _grid(axes: _Axes, asked: float | None) -> Iterator[str]:
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    for cost in _decades(*axes.costs):
        y = axes.y(cost)
        yield f'<path class="grid" d="M{_LEFT} {y:.1f}H{right}"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{cost:,g}</text>'
    for rate in _decades(*axes.rates):
        x = axes.x(rate)
        yield f'<path class="grid" d="M{x:.1f} {_TOP}V{bottom}"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{rate:g}</text>'
    if asked is not None:
        x = axes.x(asked)
        yield f'<path class="asked" d="M{x:.1f} {_TOP}V{bottom}"/>'
        yield f'<text x="{x + 5:.1f}" y="{_TOP + 12}">asked</text>'
    middle = (_LEFT + right) / 2
    yield f'<text x="{middle}" y="{_HEIGHT - 14}" text-anchor="middle">requests a second, on average</text>'
    yield f'<text x="{_LEFT}" y="{_TOP - 10}">USD a month</text>'


def _decades(low: float, high: float) -> list[float]:
    first, last = math.ceil(math.log10(low)), math.floor(math.log10(high))
    return [10.0**place for place in range(first, last + 1)]


def _kind(axes: _Axes, points: Sequence[Point], kind: str, place: int) -> Iterator[str]:
    """Draw a kind's line in pieces: dashed where callers wait too long."""
    own = [(p.requests_per_second, p.offers[kind]) for p in points if kind in p.offers]
    colour = _COLOURS[place]
    for (rate, offer), (next_rate, following) in pairwise(own):
        late = " late" if offer.reason or following.reason else ""
        yield (
            f'<path class="line{late}" stroke="{colour}" d="M{axes.x(rate):.1f}'
            f" {axes.y(offer.monthly):.1f}L{axes.x(next_rate):.1f}"
            f' {axes.y(following.monthly):.1f}"/>'
        )
    x, y = _WIDTH - _RIGHT + 14, _TOP + 14 + 22 * place
    yield f'<rect x="{x}" y="{y - 9}" width="12" height="10" fill="{colour}"/>'
    waits = ", all too late" if own and all(offer.reason for _, offer in own) else ""
    yield f'<text x="{x + 18}" y="{y}">{escape(kind)}{waits}</text>'


def _crossings(
    axes: _Axes, points: Sequence[Point], crossings: Sequence[BreakEven]
) -> Iterator[str]:
    for each in crossings:
        rate = each.requests_per_second
        x, y = axes.x(rate), axes.y(_cost(points, each.cheaper, rate))
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="none" stroke="currentColor"/>'
        yield f'<text x="{x + 7:.1f}" y="{y + 14:.1f}">{number(rate)}</text>'


def _cost(points: Sequence[Point], kind: str, rate: float) -> float:
    own = [
        (p.requests_per_second, p.offers[kind].monthly)
        for p in points
        if kind in p.offers
    ]
    for (low, cost), (high, following) in pairwise(own):
        if low <= rate <= high:
            share = math.log(rate / low) / math.log(high / low)
            return cost * math.exp(share * math.log(following / cost))
    return own[-1][1]
