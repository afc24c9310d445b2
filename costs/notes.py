"""What stands below a bill: assumptions, free resources, prices and their age."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from string import ascii_lowercase

from costs.bill import Bill, Line
from costs.book import STALE, Price
from costs.charges import Charge
from costs.energy import METHOD
from costs.scale import number, spread
from costs.usage import MEANINGS, Usage


def marks(lines: Sequence[Line]) -> dict[str, str]:
    """Return a letter for each assumption in use, to stand beside what rests on it."""
    used = {name for charge in _charges(lines) for name in charge.assumptions}
    letters = [*ascii_lowercase, *(letter * 2 for letter in ascii_lowercase)]
    return dict(zip((name for name in MEANINGS if name in used), letters, strict=False))


def marked(charge: Charge, letters: dict[str, str]) -> str:
    return " ".join(sorted(letters[name] for name in charge.assumptions))


def assumption_notes(
    lines: Sequence[Line], usage: Usage, *, lettered: bool = True
) -> list[str]:
    """Return a line for each assumption in use, with the letter that lines refer to."""
    return [
        f"{f'{letter}  ' if lettered else ''}{name} = {spread(usage[name])}: {MEANINGS[name]}"
        for name, letter in marks(lines).items()
    ]


def energy_notes(bill: Bill) -> list[str]:
    """Return what tasks and instances draw a month, and by which method that is said."""
    if bill.energy is None:
        return [f"Energy: no grid is known for each of {', '.join(bill.regions)}"]
    kwh, kg = spread(bill.energy.kwh), spread(bill.energy.kg_co2e)
    share = spread(bill.usage.utilisation)
    return [
        f"Energy: {kwh} kWh and {kg} kg CO2e a month at utilisation = {share}: {METHOD}"
    ]


def energy_change_notes(before: Bill, after: Bill) -> list[str]:
    """Return what a change does to both, as expected."""
    if before.energy is None or after.energy is None:
        return energy_notes(after)
    if not (before.energy.kwh.largest or after.energy.kwh.largest):
        return []  # nothing runs a model on either side
    kwh, kg = (
        f"{number(old.expected)} -> {number(new.expected)}"
        for old, new in (
            (before.energy.kwh, after.energy.kwh),
            (before.energy.kg_co2e, after.energy.kg_co2e),
        )
    )
    return [f"Energy: {kwh} kWh and {kg} kg CO2e a month expected: {METHOD}"]


def free_note(lines: Sequence[Line]) -> str:
    """Return every type of free resource with how many there are."""
    kinds = Counter(line.type for line in lines if line.is_free)
    names = (
        f"{kind.removeprefix('AWS::')}{f' x{count}' if count > 1 else ''}"
        for kind, count in sorted(kinds.items())
    )
    return f"{kinds.total()} resources are free: {', '.join(names) or 'none'}"


def price_notes(
    lines: Sequence[Line], regions: Sequence[str], today: date | None = None
) -> list[str]:
    """Return how old the prices are, and each that is undated, derived or doubted.

    Those that are stale on `today` are counted in a warning; None warns of nothing.
    """
    used = prices_of(lines)
    dates = sorted(price.as_of for price in used if price.as_of != "undated")
    ages = (
        f", read {' to '.join(dict.fromkeys((dates[0], dates[-1])))}" if dates else ""
    )
    notes = [f"Prices of {', '.join(regions)}{ages}; free tiers not deducted"]
    notes += stale_notes(used, today)
    return notes + [
        f"To check: {price.service} {price.item}: {price.weakness}"
        for price in used
        if price.weakness
    ]


def stale_notes(prices: Sequence[Price], today: date | None) -> list[str]:
    """Return a warning of the prices that are too old on a day, if there are any."""
    stale = [price for price in prices if today and price.is_stale(today)]
    if not stale:
        return []
    oldest = min(stale, key=lambda price: (price.as_of, price.service, price.item))
    return [
        f"STALE: {len(stale)} of {len(prices)} prices may be over {STALE.days} days old on"
        f" {today}, the oldest of {oldest.as_of} ({oldest.service} {oldest.item}):"
        " python -m costs refresh"
    ]


def prices_of(lines: Sequence[Line]) -> list[Price]:
    """Return every price that some lines are charged at, by service and item."""
    used = {charge.price for charge in _charges(lines)}
    return sorted(used, key=lambda price: (price.service, price.item))


def _charges(lines: Sequence[Line]) -> list[Charge]:
    return [charge for line in lines for charge in line.estimate.charges]
