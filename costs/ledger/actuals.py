"""What was billed beside what was estimated, and which assumption was wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from costs.bill import Bill, Line
from costs.ledger.report import Entry, Report, Spent
from costs.ledger.things import Thing, offer_of, thing_billed, thing_charged
from costs.scale import Scale, number, spread
from costs.usage import Usage

NEAR = 0.1  # a share by which a quantity may miss its range and still be called right
_SAME_PRICE = 0.02
_NOTHING = Scale.always(0.0)


@dataclass(frozen=True)
class Comparison:
    """One thing in one month and group, estimated and billed."""

    month: str
    group: str  # value of the tag
    resource: (
        str  # stack and construct path, "" for what the report does not tell apart
    )
    thing: Thing
    estimated: Scale  # USD of the part of the month that the report covers
    billed: float  # USD
    expected: Scale | None  # quantity, in the thing's unit; None: the report has none
    used: float | None
    findings: tuple[str, ...] = ()  # what is off, and by how much


@dataclass(frozen=True)
class Actuals:
    """A bill and a report, line by line; nothing of either is left out."""

    report: Report
    by: str  # the tag
    comparisons: tuple[Comparison, ...]
    unmatched: tuple[tuple[Entry, Spent], ...]  # resources summed up
    months: Mapping[str, float]  # the share of each that the report covers


@dataclass(frozen=True)
class _Estimate:
    usd: Scale
    quantity: Scale  # in the list's units
    assumptions: tuple[str, ...]


_Key = tuple[str, str, Thing]  # group, resource, thing


def actuals(bill: Bill, report: Report, *, by: str = "stage") -> Actuals:
    """Compare a bill with a report, grouped by the bill's `by`: "stage" or "model".

    What AWS bills without ever telling the tag is compared for all groups as one.
    """
    matches = _matches(bill, report)
    estimates = _estimates(bill, report, by, matches)
    comparisons = [
        _comparison(month, key, estimates.get(key), spent.get(key), bill.usage, report)
        for month, spent in sorted(matches.spent.items())
        for key in dict.fromkeys([*estimates, *spent])
    ]
    return Actuals(
        report,
        by,
        tuple(sorted(comparisons, key=_largest_first)),
        tuple(sorted(matches.unmatched.items(), key=lambda each: -abs(each[1].usd))),
        {month: report.covered(month) for month in sorted(matches.spent)},
    )


@dataclass
class _Matches:
    """What a report's lines are about."""

    spent: dict[str, dict[_Key, Spent]] = field(default_factory=dict)  # by month
    unmatched: dict[Entry, Spent] = field(default_factory=dict)
    named: set[tuple[int, Thing]] = field(default_factory=set)  # lines with their own
    tagged: dict[Thing, bool] = field(default_factory=dict)  # of all that is billed


def _matches(bill: Bill, report: Report) -> _Matches:
    marks = {_mark(line): line for line in bill.lines}

    @cache
    def line_of(resource: str) -> Line | None:
        lowered = resource.lower()
        return next((line for mark, line in marks.items() if mark in lowered), None)

    found = _Matches()
    for entry, spent in report.spent.items():
        thing = thing_billed(entry)
        month = found.spent.setdefault(entry.month, {})
        if thing is None:
            found.unmatched.setdefault(_without_resource(entry), Spent()).add(spent)
            continue
        line = line_of(entry.resource) if entry.resource else None
        if line is not None:
            found.named.add((id(line), thing))
        found.tagged[thing] = found.tagged.get(thing, False) or bool(entry.group)
        key = (entry.group, _place(line) if line else "", thing)
        month.setdefault(key, Spent()).add(spent)
    return found


def _estimates(
    bill: Bill, report: Report, by: str, matches: _Matches
) -> dict[_Key, _Estimate]:
    found: dict[_Key, _Estimate] = {}
    for line in bill.lines:
        for charge in line.estimate.charges:
            thing = thing_charged(charge, report)
            told = matches.tagged.get(thing, report.tagged)
            named = (id(line), thing) in matches.named
            key = (
                getattr(line, by) if told else "",
                _place(line) if named else "",
                thing,
            )
            per = offer_of(charge).per if thing.usage else 1.0
            before = found.get(key, _Estimate(_NOTHING, _NOTHING, ()))
            found[key] = _Estimate(
                before.usd + charge.monthly,
                before.quantity + charge.quantity * per,
                tuple(dict.fromkeys([*before.assumptions, *charge.assumptions])),
            )
    return found


def _comparison(
    month: str,
    key: _Key,
    estimate: _Estimate | None,
    spent: Spent | None,
    usage: Usage,
    report: Report,
) -> Comparison:
    group, resource, thing = key
    share = report.covered(month)
    estimate = estimate or _Estimate(_NOTHING, _NOTHING, ())
    spent = spent or Spent()
    estimated, expected, used = estimate.usd * share, None, None
    if report.amounts:
        expected = estimate.quantity * (share / thing.per)
        used = spent.amount / thing.per
    found = Comparison(
        month, group, resource, thing, estimated, spent.usd, expected, used
    )
    findings = tuple(_findings(found, estimate.assumptions, usage))
    return replace(found, findings=findings)


def _findings(
    found: Comparison, assumptions: tuple[str, ...], usage: Usage
) -> Iterator[str]:
    """Yield what is off: the quantity with what it rests on, then the price."""
    expected, used = found.expected, found.used
    if expected is None or used is None:
        low, high = min(found.estimated.ends), max(found.estimated.ends)
        if not low * (1 - NEAR) <= found.billed <= high * (1 + NEAR):
            yield f"billed {_beside(found.billed, low, high)} the estimate"
        return
    low, high = min(expected.ends), max(expected.ends)
    if not high:
        yield "not in the estimate"
        return
    if not used:
        if low:
            yield "estimated, but not billed"
        return
    if not low * (1 - NEAR) <= used <= high * (1 + NEAR):
        text = f"{number(used)} {found.thing.unit} used, {spread(expected)} expected"
        yield f"{text}: {_causes(expected, used, assumptions, usage)}"
    paid, asked = found.billed / used, _unit_prices(found)
    if not min(asked) * (1 - _SAME_PRICE) <= paid <= max(asked) * (1 + _SAME_PRICE):
        yield (
            f"{paid:.6g} USD paid for each, {max(asked):.6g} estimated: a discount, a free"
            " or another tier, or an old price"
        )


def _causes(
    expected: Scale, used: float, assumptions: tuple[str, ...], usage: Usage
) -> str:
    """Say which assumption is wrong, and what would have been right where it is one."""
    if not assumptions:
        return "how many there are, or for how many hours"
    names = ", ".join(f"{name} = {spread(usage[name])}" for name in assumptions)
    assumed = usage[assumptions[0]]
    middle = assumed.expected
    if len(assumptions) == 1 and middle and _proportional(expected, assumed):
        right = middle * used / expected.expected
        return f"{names}; {number(right)} would fit"
    return f"rests on {names}"


def _proportional(expected: Scale, assumed: Scale) -> bool:
    times = expected.expected / assumed.expected
    return bool(expected.expected) and all(
        abs(quantity - times * figure) <= 1e-6 * max(abs(quantity), 1e-9)
        for quantity, figure in zip(expected.ends, assumed.ends, strict=True)
    )


def _unit_prices(found: Comparison) -> list[float]:
    assert found.expected is not None
    return [
        usd / quantity
        for usd, quantity in zip(found.estimated.ends, found.expected.ends, strict=True)
        if quantity
    ]


def _beside(figure: float, low: float, high: float) -> str:
    if figure > high:
        return f"{number(figure / high)} times" if high else "without"
    return f"{number(figure / low)} times"


def _place(line: Line) -> str:
    return f"{line.stack}: {line.path}"


def _mark(line: Line) -> str:
    """Return how CloudFormation begins the name of what it makes, in small letters."""
    return f"{line.stack}-{line.logical_id}-".lower()


def _without_resource(entry: Entry) -> Entry:
    return Entry(
        entry.month, entry.kind, entry.product, entry.usage, "", "", entry.group
    )


def _largest_first(found: Comparison) -> tuple[str, str, float, str, str]:
    largest = max(*found.estimated.ends, found.billed)
    return (found.month, found.group, -largest, found.thing.name, found.resource)
