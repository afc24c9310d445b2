"""What an assembly costs a month: every resource priced, free, or an error."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from costs.assembly import Assembly, AssemblyError, Resource, Stack
from costs.book import PRICES, PriceBook, PriceError, read_book
from costs.charges import Estimate, Rates
from costs.fargate import SizeError
from costs.instances import InstanceError
from costs.resources import pricing
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

    @property
    def monthly(self) -> Scale:
        return Scale.total(line.monthly for line in self.lines)


def bill(assembly: Assembly, usage: Usage, *, prices: Path = PRICES) -> Bill:
    """Price every resource of every stack with its region's book.

    Raises AssemblyError for a type nobody has looked up and for a property that the
    templates do not tell, PriceError for a region or an item without a price; each
    names the stack and the resource.
    """

    @cache
    def book(region: str) -> PriceBook:
        return read_book(region, prices)

    lines: list[Line] = []
    for stack in assembly.stacks:
        try:
            rates = Rates(book(stack.region), usage, assembly)
        except PriceError as error:
            raise PriceError(f"stack {stack.name}: {error}") from None
        lines += (_line(stack, resource, rates) for resource in stack.resources)
    regions = tuple(sorted({stack.region for stack in assembly.stacks}))
    return Bill(tuple(lines), usage, regions)


def _line(stack: Stack, resource: Resource, rates: Rates) -> Line:
    price = pricing(resource.type)
    if price is None:
        raise AssemblyError(
            f"{resource}: nobody has looked up what {resource.type} costs: add it to"
            " PRICED or FREE in costs/resources/__init__.py"
        )
    try:
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
    )


def biggest_first(lines: Iterable[Line]) -> list[Line]:
    """Sort by cost at maximum, then at minimum; equal ones by name."""
    return sorted(
        lines,
        key=lambda line: (-line.monthly.maximum, -line.monthly.minimum, line.path),
    )


def grouped(lines: Iterable[Line], name: str) -> list[tuple[str, list[Line]]]:
    """Return the lines by stage, stack or model, the dearest group first."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(getattr(line, name), []).append(line)

    def dearest_first(group: tuple[str, list[Line]]) -> tuple[float, float, str]:
        total = Scale.total(line.monthly for line in group[1])
        return (-total.maximum, -total.minimum, group[0])

    return sorted(groups.items(), key=dearest_first)
