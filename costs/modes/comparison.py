"""The same model in every mode: what each costs at any traffic, and which costs least."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise

from costs.assembly import Assembly, AssemblyError
from costs.bill import Bill, bill
from costs.modes.scenario import MODES, PATIENCE, Mode, Patience
from costs.options import TRAFFIC
from costs.release import Release
from costs.scale import Scale
from costs.usage import Usage
from manifest import Serving

NOTHING = "nothing"  # the copy of the stage that is there in any mode
LEVELS = (0.0, 1e3, 1e5, 1e6, 1e7, 1e8)  # requests a month

# Where the cheapest is looked for, from 100 requests a month on: none at all is another
# month, in which nobody builds or deploys either.
_MOST = 1e10  # requests a month
_DECADES, _A_DECADE = 8, 8  # below _MOST; traffics in each
_EXACT = 1e-4  # of a traffic, between two of those

Cost = Callable[[str, float], float]  # mode, requests a month -> USD a month


@dataclass(frozen=True)
class Way:
    """A model in one mode: the copy of its stage that has it, and one without it."""

    mode: Mode
    serving: Serving
    stage: Assembly
    without: Assembly
    usage: Usage

    def bill(self, requests: float) -> Bill:
        """Return the bill of the stage at that many requests a month."""
        return bill(self.stage, self._at(requests))

    def monthly(self, requests: float) -> float:
        """Return what the model adds to its stage, in USD a month, expected."""
        without = bill(self.without, self._at(requests)).monthly.expected
        return self.bill(requests).monthly.expected - without

    def _at(self, requests: float) -> Usage:
        """Return the assumptions; idle is when nobody calls, builds or deploys."""
        told = self.mode.usage(self.serving, requests)
        usage = self.usage
        if not requests:
            usage = replace(usage, **dict.fromkeys(TRAFFIC, Scale.always(0)))
        return replace(usage, **{name: Scale.always(told[name]) for name in told})


@dataclass(frozen=True)
class Point:
    """What each mode costs at one traffic."""

    requests: float  # a month
    monthly: Mapping[str, float]  # USD, by mode


@dataclass(frozen=True)
class Span:
    """The traffic up to which a mode costs least, from where the span before ends."""

    mode: str
    to_requests: float | None  # a month; None: as far as was looked


@dataclass(frozen=True)
class Envelope:
    """What costs least for callers who wait no longer."""

    patience: Patience
    modes: tuple[str, ...]  # that answer in that time
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Comparison:
    """A release in every mode of a stage."""

    stage: str
    release: Release
    serving: Serving
    ways: tuple[Way, ...]
    points: tuple[Point, ...]
    envelopes: tuple[Envelope, ...]
    shared: Bill  # of the stage without the model, as expected


def compare(
    assembly: Assembly, usage: Usage, levels: Sequence[float] = LEVELS
) -> Comparison:
    """Price each mode at each level of requests a month, and find the cheapest ones.

    The assembly is one that `python -m stacks modes` wrote. Raises AssemblyError for
    another, and as `bill` does.
    """
    stage, copies = _copies(assembly)
    without = copies[NOTHING]
    release = next(
        (
            endpoint.release
            for copy in copies.values()
            for endpoint in bill(copy, usage).endpoints
        ),
        None,
    )
    if release is None or release.serving is None:
        raise AssemblyError(
            f"{assembly.directory}: tells of no model that was measured"
        )
    serving = release.serving
    ways = tuple(
        Way(mode, serving, copies[mode.name], without, usage)
        for mode in MODES
        if mode.name in copies
    )
    by_name: Mapping[str, Way] = {way.mode.name: way for way in ways}

    @cache
    def cost(mode: str, requests: float) -> float:
        return by_name[mode].monthly(requests)

    points = tuple(
        Point(level, {name: cost(name, level) for name in by_name}) for level in levels
    )
    modes = [way.mode for way in ways]
    shared = bill(without, usage)
    return Comparison(
        stage, release, serving, ways, points, envelopes(modes, cost), shared
    )


def _copies(assembly: Assembly) -> tuple[str, Mapping[str, Assembly]]:
    """Return the stage's name and its copies, by mode."""
    found, names = {}, set()
    for each in assembly.stages:
        mode, _, name = each.partition("/")
        found[mode] = assembly.stage(each)
        names.add(name)
    known = {NOTHING, *(mode.name for mode in MODES)}
    if NOTHING not in found or found.keys() - known or len(names) != 1:
        raise AssemblyError(
            f"{assembly.directory}: is not one model in every mode:"
            " python -m stacks modes MODEL --out DIR writes that"
        )
    return names.pop(), found


def envelopes(modes: Sequence[Mode], cost: Cost) -> tuple[Envelope, ...]:
    """Return the cheapest modes by traffic, for each patience that adds a mode."""
    found = []
    for place, patience in enumerate(PATIENCE):
        quick = [m.name for m in modes if m.patience in PATIENCE[: place + 1]]
        if any(mode.patience == patience for mode in modes):
            found.append(Envelope(patience, tuple(quick), tuple(_spans(quick, cost))))
    return tuple(found)


def _spans(modes: Sequence[str], cost: Cost) -> list[Span]:
    def cheapest(requests: float) -> str:
        return min(modes, key=lambda mode: cost(mode, requests))

    traffics = [_MOST / 10 ** (n / _A_DECADE) for n in range(_DECADES * _A_DECADE + 1)]
    spans = []
    for low, high in pairwise(reversed(traffics)):
        while (mode := cheapest(low)) != cheapest(high):
            end, low = _change(cheapest, low, high)
            spans.append(Span(mode, end))
    return [*spans, Span(cheapest(_MOST), None)]


def _change(
    cheapest: Callable[[float], str], low: float, high: float
) -> tuple[float, float]:
    """Return traffics close to each other between which `low`'s cheapest is one no more."""
    mode = cheapest(low)
    while high - low > _EXACT * high:
        middle = (low + high) / 2
        if cheapest(middle) == mode:
            low = middle
        else:
            high = middle
    return low, high
