"""What an assembly costs a month: every resource priced, free, or an error."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from operator import attrgetter
from pathlib import Path

from costs.assembly import (
    MODEL_TAG,
    Assembly,
    AssemblyError,
    Resource,
    Stack,
    as_cloudformation_has_it,
)
from costs.book import PRICES, PriceBook, PriceError, read_book
from costs.budgets import Budget, limits
from costs.charges import SECONDS, Estimate, Rates
from costs.endpoints import Endpoint
from costs.energy import CarbonError, Energy, energy, energy_per_million
from costs.fargate import SizeError
from costs.instances import InstanceError
from costs.predictions import Architecture, dollars_per_million
from costs.release import Release, release_of
from costs.resources import pricing
from costs.resources.functions import serves, takes_submissions
from costs.scale import Scale
from costs.usage import Usage


@dataclass(frozen=True)
class Line:
    """One resource and what it is charged for."""

    stage: str
    stack: str
    model: str  # that it is there for; "" for what models share
    path: str
    logical_id: str
    type: str
    estimate: Estimate
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def monthly(self) -> Scale:
        return self.estimate.monthly

    @property
    def is_free(self) -> bool:
        return not self.estimate.charges


@dataclass(frozen=True)
class Bill:
    """The lines of an assembly, and what they were priced with."""

    lines: tuple[Line, ...]
    usage: Usage
    regions: tuple[str, ...]
    endpoints: tuple[Endpoint, ...] = ()
    today: date | None = None  # that prices are old or new on; None: nobody asks
    energy: Energy | None = None  # None where some region's grid is not known
    budgets: tuple[Budget, ...] = ()

    @property
    def monthly(self) -> Scale:
        return Scale.total(line.monthly for line in self.lines)


def bill(
    assembly: Assembly,
    usage: Usage,
    *,
    prices: Path = PRICES,
    today: date | None = None,
) -> Bill:
    """Price every resource of every stack with its region's book.

    Its reports warn of prices that are stale `today`.

    Raises AssemblyError for a type nobody has looked up and for a property that the
    templates do not tell, PriceError for a region or an item without a price; each
    names the stack and the resource.
    """

    @cache
    def book(region: str) -> PriceBook:
        return read_book(region, prices)

    lines: list[Line] = []
    endpoints: list[Endpoint] = []
    drawn: list[Energy | None] = []
    allowed: list[tuple[str, float]] = []
    for stack in assembly.stacks:
        try:
            rates = Rates(book(stack.region), usage, assembly)
        except PriceError as error:
            raise PriceError(f"stack {stack.name}: {error}") from None
        with as_cloudformation_has_it(f"stack {stack.name}"):
            its = [_line(stack, resource, rates) for resource in stack.resources]
            release = release_of(stack)
            allowed += limits(stack)
        lines += its
        drawn.append(_energy(its, stack.region, usage))
        if release:
            endpoints.append(_endpoint(stack, release, its, rates))
    regions = tuple(sorted({stack.region for stack in assembly.stacks}))
    known = [each for each in drawn if each]
    total = Energy.total(known) if len(known) == len(drawn) else None
    budgets = tuple(
        Budget(stage, limit, _monthly(lines, stage)) for stage, limit in allowed
    )
    return Bill(tuple(lines), usage, regions, tuple(endpoints), today, total, budgets)


def _monthly(lines: Iterable[Line], stage: str) -> Scale:
    return Scale.total(line.monthly for line in lines if line.stage == stage)


def _line(stack: Stack, resource: Resource, rates: Rates) -> Line:
    price = pricing(resource.type)
    if price is None:
        raise AssemblyError(
            f"{resource}: nobody has looked up what {resource.type} costs: add it to"
            " PRICED or FREE in costs/resources/__init__.py"
        )
    try:
        with as_cloudformation_has_it(resource):
            estimate = price(resource, rates)
    except (InstanceError, PriceError, SizeError) as error:
        raise PriceError(f"{resource}: {error}") from None
    return Line(
        stack.stage,
        stack.name,
        stack.model(resource),
        resource.path,
        resource.logical_id,
        resource.type,
        estimate,
        resource.tags,
    )


def _energy(lines: Sequence[Line], region: str, usage: Usage) -> Energy | None:
    charges = (charge for line in lines for charge in line.estimate.charges)
    try:
        return energy(charges, region, utilisation=usage.utilisation)
    except CarbonError:
        return None


def _endpoint(
    stack: Stack, release: Release, lines: Sequence[Line], rates: Rates
) -> Endpoint:
    monthly = Scale.total(line.monthly for line in lines)
    predictions = _predictions(stack, rates.usage)
    charges = (charge for line in lines for charge in line.estimate.charges)
    on_fargate = any(charge.price.service == "Fargate" for charge in charges)
    full_load, drawn = None, None
    if on_fargate and release.serving:
        kind: Architecture = "ARM" if release.architecture == "arm64" else "x86"
        with suppress(
            SizeError
        ):  # its config may give it less than it was measured with
            full_load = dollars_per_million(
                release.serving, rates.book, architecture=kind
            )
            with suppress(CarbonError):
                drawn = energy_per_million(
                    release.serving, stack.region, arm=kind == "ARM"
                )
    return Endpoint(
        stack.stage, stack.name, release, monthly, predictions, full_load, drawn
    )


def _predictions(stack: Stack, usage: Usage) -> Scale:
    """Return a month's requests, by what the endpoint is asked through."""
    functions = stack.of_type("AWS::Lambda::Function")
    if any(map(serves, functions)):
        return usage.function_requests
    if any(map(takes_submissions, functions)):
        return usage.submissions
    return usage.requests_per_second * SECONDS


def biggest_first(lines: Iterable[Line]) -> list[Line]:
    """Sort by cost at maximum, then at minimum; equal ones by name."""
    return sorted(lines, key=lambda line: (*_dearest(line.monthly), line.path))


def _dearest(monthly: Scale) -> tuple[float, float]:
    return -monthly.maximum, -monthly.minimum


def grouped(
    lines: Iterable[Line], key: Callable[[Line], str]
) -> list[tuple[str, list[Line]]]:
    """Return the lines by what `key` says of them, the dearest group first."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(key(line), []).append(line)

    totals = {
        name: Scale.total(line.monthly for line in found)
        for name, found in groups.items()
    }
    return sorted(
        groups.items(), key=lambda group: (*_dearest(totals[group[0]]), group[0])
    )


by_stage, by_stack, by_model = map(attrgetter, ("stage", "stack", "model"))


def by_tag(tag: str) -> Callable[[Line], str]:
    """Return what tells a line's value of a tag, "" where it has none."""
    return by_model if tag == MODEL_TAG else lambda line: line.tags.get(tag, "")
