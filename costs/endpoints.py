"""What an endpoint costs and gives, and what a change does to both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from costs.energy import PredictionEnergy
from costs.release import Release
from costs.scale import Scale, number
from manifest import Figure

T = TypeVar("T")

NOT_MEASURED = "not measured"
# The figures that variants are compared by, as people call them.
NAMES = {"macro_f1": "macro-F1", "exact_match": "exact match", "f1": "F1 of words"}


@dataclass(frozen=True)
class Endpoint:
    """One released model that answers requests, and its own stack's share of a bill."""

    stage: str
    stack: str
    release: Release
    monthly: Scale  # USD
    predictions: Scale  # a month; one request is one prediction
    full_load: float | None  # USD a million on Fargate; None where it runs elsewhere
    energy: PredictionEnergy | None = None  # a million, there and then

    @property
    def name(self) -> str:
        return f"{self.stage}/{self.release.endpoint}" if self.stage else self.stack

    @property
    def expected(self) -> float | None:
        """USD a million predictions at the expected traffic, None where there is none.

        All that the endpoint's own stack costs: tasks, load balancer, alarms, logs.
        """
        asked = self.predictions.expected
        return self.monthly.expected / asked * 1e6 if asked else None


@dataclass(frozen=True)
class EndpointChange:
    """An endpoint before and after; None on the side where it is not."""

    before: Endpoint | None
    after: Endpoint | None

    @property
    def name(self) -> str:
        return self.sides[-1].name

    @property
    def sides(self) -> tuple[Endpoint, ...]:
        """The endpoints there are, one or two, the newest last."""
        return tuple(side for side in (self.before, self.after) if side)

    def both(self, of: Callable[[Endpoint], T | None]) -> tuple[T | None, T | None]:
        """Return something of the side before and of the one after."""
        before = of(self.before) if self.before else None
        return before, of(self.after) if self.after else None


@dataclass(frozen=True)
class Measure:
    """Something that a reader compares: before, after and the change, as text."""

    name: str
    before: str
    after: str
    change: str


def endpoint_changes(
    before: Sequence[Endpoint], after: Sequence[Endpoint]
) -> tuple[EndpointChange, ...]:
    """Return the endpoints that differ in their release or in their cost."""
    olds = {endpoint.name: endpoint for endpoint in before}
    news = {endpoint.name: endpoint for endpoint in after}
    changes = (
        EndpointChange(olds.get(name), news.get(name)) for name in {**news, **olds}
    )
    return tuple(each for each in changes if each.before != each.after)


def measures(found: EndpointChange) -> Iterator[Measure]:
    """Yield what is known on either side, the same on both sides left out."""
    for measure in _all(found):
        if measure.before != measure.after:
            yield measure


def _all(found: EndpointChange) -> Iterator[Measure]:
    yield _words("release", found, lambda it: f"{it.variant} {it.version}")
    yield _words("engine", found, lambda it: f"{it.engine} in {it.runtime}")
    yield _quality(found)
    yield _figures("p50, ms", found, _served("p50_ms"))
    yield _figures("p99, ms", found, _served("p99_ms"))
    yield _figures("requests a second, a task", found, _served("requests_per_second"))
    yield _figures("memory, MiB", found, _served("memory_mib"))
    yield _figures("weights in the image, MB", found, _megabytes)
    full, usual = "USD a million, at full load", "USD a million, as expected"
    yield _figures(full, found, lambda it: it.full_load)
    yield _figures(usual, found, lambda it: it.expected)
    yield _figures("Wh a million, at full load", found, _watt_hours)
    yield _figures("g CO2e a million, at full load", found, _grams)
    yield _words("measured on", found, _hardware)


def _words(name: str, found: EndpointChange, word: Callable[[Release], str]) -> Measure:
    old, new = found.both(lambda side: word(side.release))
    return Measure(name, old or "", new or "", "")


def _figures(
    name: str, found: EndpointChange, figure: Callable[[Endpoint], float | None]
) -> Measure:
    old, new = found.both(figure)
    change = f"{new / old - 1:+.1%}" if old and new is not None else ""
    return Measure(name, _shown(found.before, old), _shown(found.after, new), change)


def _quality(found: EndpointChange) -> Measure:
    old, new = found.both(_decides)
    measure = next((side.release.quality for side in found.sides[::-1]), None)
    name = NAMES.get(measure.measure, measure.measure) if measure else "quality"
    change = ""
    if old and new:
        overlap = old.low <= new.high and new.low <= old.high
        points = f"{100 * (new.value - old.value):+.1f} points"
        change = f"{points}, {'within' if overlap else 'beyond'} the intervals"
    return Measure(
        name, _interval(found.before, old), _interval(found.after, new), change
    )


def _decides(endpoint: Endpoint) -> Figure | None:
    quality = endpoint.release.quality
    return quality.decides if quality else None


def _served(name: str) -> Callable[[Endpoint], float | None]:
    return lambda endpoint: getattr(endpoint.release.serving, name, None)


def _megabytes(endpoint: Endpoint) -> float | None:
    serving = endpoint.release.serving
    return serving.model_bytes / 1e6 if serving else None


def _watt_hours(endpoint: Endpoint) -> float | None:
    return endpoint.energy.kwh * 1000 if endpoint.energy else None


def _grams(endpoint: Endpoint) -> float | None:
    return endpoint.energy.grams_co2e if endpoint.energy else None


def _hardware(release: Release) -> str:
    return release.serving.hardware if release.serving else NOT_MEASURED


def _shown(side: Endpoint | None, figure: float | None) -> str:
    if side is None:
        return ""
    return NOT_MEASURED if figure is None else number(figure)


def _interval(side: Endpoint | None, figure: Figure | None) -> str:
    if side is None:
        return ""
    if figure is None:
        return NOT_MEASURED
    return f"{figure.value:.1%} [{figure.low:.1%}, {figure.high:.1%}]"
