"""An architecture as SVG: a band for each stage, legible on light and on dark pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from costs.scale import Scale
from stacks.commands.architecture import Architecture, Arrow, Box

WIDTH, GAP, LINE, MARGIN = 268, 56, 18, 28  # pixels
HEAD = 46  # of a box: its name and its price
STYLE = """
  text { font: 12.5px system-ui, sans-serif; fill: #24292f }
  .name { font-weight: 600; font-size: 13.5px }
  .price { fill: #1a7f37 } .stage { font-size: 15px; font-weight: 600; fill: #57606a }
  .box { fill: #ffffff; stroke: #8c959f } .band { fill: #f6f8fa; stroke: #d0d7de }
  .arrow { fill: none; stroke: #0969da; stroke-width: 1.4 }
  .what { fill: #0969da; font-size: 11px } .head { fill: #0969da }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .price { fill: #3fb950 } .stage { fill: #9198a1 }
    .box { fill: #0d1117; stroke: #6e7681 } .band { fill: #161b22; stroke: #30363d }
    .arrow { stroke: #58a6ff } .what, .head { fill: #58a6ff }
  }
"""


@dataclass(frozen=True)
class Place:
    """Where a box stands: its upper left corner and its height, in pixels."""

    box: Box
    x: int
    y: int
    height: int

    @property
    def middle(self) -> int:
        return self.x + WIDTH // 2

    @property
    def foot(self) -> int:
        return self.y + self.height


def draw(architecture: Architecture) -> str:
    """Return the picture; the same architecture gives the same bytes."""
    places, bands, width, height = _arrange(architecture.boxes)
    by_name = {place.box.stack: place for place in places}
    stages = {place.box.stack: place.box.stage for place in places}
    gutter = width - MARGIN - 14
    arrows = [
        _arrow(by_name[arrow.source], by_name[arrow.target], gutter)
        for arrow in architecture.arrows
    ]
    for place in places:
        taken = [a for a in architecture.arrows if a.target == place.box.stack]
        arrows += _labels(place, taken, stages)
    boxes = [line for place in places for line in _box(place)]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}" role="img">',
        "<title>What cdk deploy makes, and what it costs a month</title>",
        f"<style>{STYLE}</style>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7"'
        ' markerHeight="7" orient="auto"><path class="head" d="M0 0L8 4L0 8z"/>'
        "</marker></defs>",
        *bands,
        *boxes,
        *arrows,
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _arrange(boxes: Sequence[Box]) -> tuple[list[Place], list[str], int, int]:
    """Lay stages out below each other, and a stage's stacks side by side."""
    stages = list(dict.fromkeys(box.stage for box in boxes))
    longest = max(sum(box.stage == stage for box in boxes) for stage in stages)
    width = 4 * MARGIN + longest * (WIDTH + GAP)
    places: list[Place] = []
    bands: list[str] = []
    y = MARGIN
    for stage in stages:
        own = [box for box in boxes if box.stage == stage]
        tallest = max(HEAD + LINE * len(box.lines) + 12 for box in own)
        for column, box in enumerate(own):
            x = 2 * MARGIN + column * (WIDTH + GAP)
            places.append(Place(box, x, y + 36, tallest))
        bottom = y + 36 + tallest + GAP
        bands += [
            f'<rect class="band" x="{MARGIN}" y="{y}" rx="10"'
            f' width="{width - 2 * MARGIN}" height="{bottom - y}"/>',
            f'<text class="stage" x="{2 * MARGIN}" y="{y + 24}">{escape(stage)}</text>',
        ]
        y = bottom + MARGIN
    return places, bands, width, y


def _box(place: Place) -> Iterator[str]:
    box, x = place.box, place.x + 14
    name = box.stack.removeprefix(f"{box.stage}-")
    yield (
        f'<rect class="box" x="{place.x}" y="{place.y}" rx="6"'
        f' width="{WIDTH}" height="{place.height}"/>'
    )
    yield f'<text class="name" x="{x}" y="{place.y + 22}">{escape(name)}</text>'
    yield f'<text class="price" x="{x}" y="{place.y + 40}">{_dollars(box.monthly)}</text>'
    for number, line in enumerate(box.lines):
        y = place.y + HEAD + LINE * number + 14
        yield f'<text x="{x}" y="{y}">{escape(line)}</text>'


def _dollars(monthly: Scale) -> str:
    low, high = monthly.minimum, monthly.maximum
    if high < 0.005:
        return "free"
    same = f"{low:,.2f}" == f"{high:,.2f}"
    return f"${low:,.2f}{'' if same else f' to {high:,.2f}'} a month"


def _arrow(source: Place, target: Place, gutter: int) -> str:
    """Below the boxes within a stage; around them, by the gutter, between stages."""
    foot = source.foot
    if source.box.stage == target.box.stage:
        start, end = source.middle, target.middle
        low = foot + 26 + 6 * abs(end - start) // (WIDTH + GAP)
        return _path(f"M{start} {foot}C{start} {low} {end} {low} {end} {foot + 3}")
    start, end = source.middle + 70, target.middle + 70
    low, high = foot + GAP - 14, target.y - 14
    return _path(
        f"M{start} {foot}V{low - 8}q0 8 8 8H{gutter - 8}q8 0 8 8V{high - 8}"
        f"q0 8 -8 8H{end + 8}q-8 0 -8 8V{target.y - 3}"
    )


def _labels(
    target: Place, arrows: Sequence[Arrow], stages: Mapping[str, str]
) -> Iterator[str]:
    """What the box takes: below it from its own stage, above it from another."""
    own = [a.what for a in arrows if stages[a.source] == target.box.stage]
    others = [a.what for a in arrows if stages[a.source] != target.box.stage]
    if own:
        yield _label(target.middle, target.foot + GAP - 18, ", ".join(own))
    if others:
        yield _label(target.middle + 120, target.y - 18, ", ".join(others))


def _path(path: str) -> str:
    return f'<path class="arrow" d="{path}" marker-end="url(#head)"/>'


def _label(x: int, y: int, what: str) -> str:
    return (
        f'<text class="what" x="{x}" y="{y}" text-anchor="middle">{escape(what)}</text>'
    )
