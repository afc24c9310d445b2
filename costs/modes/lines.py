"""What each mode costs against the traffic, as a choice's kinds are drawn."""

from __future__ import annotations

from itertools import pairwise

from costs.charges import SECONDS
from costs.choosing.break_even import BreakEven, Point
from costs.choosing.choice import Offer
from costs.choosing.picture import picture
from costs.modes.comparison import Comparison, Way

_RATES = tuple(10 ** (n / 4) for n in range(-12, 13))  # requests a second


def modes_picture(found: Comparison) -> str:
    """Return the SVG; a ring is where another mode becomes the cheapest."""
    points = [
        Point(rate, {way.mode.name: _offer(way, rate) for way in found.ways})
        for rate in _RATES
    ]
    ends = {
        BreakEven(before.to_requests / SECONDS, after.mode, before.mode)
        for envelope in found.envelopes
        for before, after in pairwise(envelope.spans)
        if before.to_requests
    }
    drawn = [e for e in ends if _RATES[0] <= e.requests_per_second <= _RATES[-1]]
    drawn.sort(key=lambda each: (each.requests_per_second, each.cheaper))
    title = f"What {found.release.model} costs a month, by mode and traffic"
    return picture(title, None, points, drawn, [way.mode.name for way in found.ways])


def _offer(way: Way, rate: float) -> Offer:
    monthly = way.monthly(rate * SECONDS)
    return Offer(way.mode.name, "", way.mode.runs_on, "", monthly, None, None)
