"""What each way to serve costs at other traffic, where another becomes the cheapest."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from costs.choosing.choice import Choice, Mode, Offer, Question, choose

KINDS: Mapping[Mode, str] = {
    "real-time": "always on",
    "asynchronous": "from zero",
    "serverless": "serverless",
}
_DECADES = (-3, 1)  # around the traffic that was asked for, in powers of ten
_A_DECADE = 2  # points
CHANGE = 0.2

Varied = Literal["price", "service time", "traffic", "processors"]
_VARIED: tuple[Varied, ...] = ("price", "service time", "traffic")


@dataclass(frozen=True)
class Point:
    """The cheapest offer of each kind at one traffic."""

    requests_per_second: float
    offers: Mapping[str, Offer]  # by KINDS' name; without those that are not sold


@dataclass(frozen=True)
class BreakEven:
    """From this traffic on `cheaper` is cheaper than `dearer`."""

    requests_per_second: float
    cheaper: str
    dearer: str


@dataclass(frozen=True)
class Sensitivity:
    """What is chosen if one thing is 20 % more or less, or processors as expected."""

    what: Varied
    change: float | None  # None: as fast as expected
    best: Offer | None


def points(question: Question) -> tuple[Point, ...]:
    """Return the cost of each kind from a thousandth to ten times the traffic asked."""
    asked = question.objective.profile.mean
    low, high = (place * _A_DECADE for place in _DECADES)
    rates = [asked * 10 ** (place / _A_DECADE) for place in range(low, high + 1)]
    return tuple(_point(question, rate) for rate in rates)


def _point(question: Question, rate: float) -> Point:
    objective = question.objective
    asked = replace(objective, profile=objective.profile.at(rate), budget=None)
    found = choose(replace(question, objective=asked), runners_up=0)
    cheapest: dict[str, Offer] = {}
    for mode, kind in KINDS.items():
        of = [o for o in found.offers if o.mode == mode]
        if not of and mode != "real-time":
            # Callers of a queue wait: what it costs is shown whatever was asked.
            of = [o for o in found.others if o.mode == mode]
        if of:
            cheapest[kind] = min(of, key=lambda offer: offer.monthly)
    return Point(rate, cheapest)


def break_evens(found: Sequence[Point]) -> tuple[BreakEven, ...]:
    """Return where the lines of two kinds cross, between points on straight lines."""
    crossings: list[BreakEven] = []
    names = list(KINDS.values())
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            crossings += _crossings(found, one, other)
    return tuple(sorted(crossings, key=lambda each: each.requests_per_second))


def _crossings(found: Sequence[Point], one: str, other: str) -> list[BreakEven]:
    both = [p for p in found if one in p.offers and other in p.offers]
    crossings = []
    for before, after in pairwise(both):
        gaps = [
            math.log(p.offers[one].monthly / p.offers[other].monthly)
            for p in (before, after)
        ]
        if (gaps[0] > 0) == (gaps[1] > 0):
            continue
        share = gaps[0] / (gaps[0] - gaps[1])
        low, high = (math.log(p.requests_per_second) for p in (before, after))
        cheaper, dearer = (one, other) if gaps[1] <= 0 else (other, one)
        rate = math.exp(low + share * (high - low))
        crossings.append(BreakEven(rate, cheaper, dearer))
    return crossings


def sensitivities(found: Choice) -> tuple[Sensitivity, ...]:
    """Return what is chosen if what it rests on is otherwise."""
    question = found.question
    fast = _best(_roughly(replace(question, expected_speed=True)))
    return (
        *(
            Sensitivity(what, change, _best(_changed(question, what, change)))
            for what in _VARIED
            for change in (-CHANGE, CHANGE)
        ),
        Sensitivity("processors", None, fast),
    )


def _roughly(question: Question) -> Question:
    """For servers whose queues nobody has simulated: the others' are known."""
    return replace(question, is_rough=True)


def _best(question: Question) -> Offer | None:
    return choose(question, runners_up=0).best


def _changed(question: Question, what: Varied, change: float) -> Question:
    objective = question.objective
    if what == "price":
        return replace(question, price_factor=1 + change)
    if what == "traffic":
        profile = objective.profile.at(objective.profile.mean * (1 + change))
        return replace(question, objective=replace(objective, profile=profile))
    slower = tuple(
        replace(v, service=v.service.on(1 / (1 + change))) for v in question.variants
    )
    return _roughly(replace(question, variants=slower))
