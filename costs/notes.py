"""What stands below a bill: assumptions, free resources, prices and their age."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from string import ascii_lowercase

from costs.bill import Line
from costs.book import Price
from costs.charges import Charge
from costs.scale import spread
from costs.usage import MEANINGS, Usage


def marks(lines: Sequence[Line]) -> dict[str, str]:
    """Return a letter for each assumption in use, to stand beside what rests on it."""
    used = {name for charge in _charges(lines) for name in charge.assumptions}
    letters = [*ascii_lowercase, *(letter * 2 for letter in ascii_lowercase)]
    return dict(zip((name for name in MEANINGS if name in used), letters, strict=False))


def marked(charge: Charge, letters: dict[str, str]) -> str:
    return " ".join(sorted(letters[name] for name in charge.assumptions))


def assumption_notes(lines: Sequence[Line], usage: Usage) -> list[str]:
    return [
        f"{letter}  {name} = {spread(usage[name])}: {MEANINGS[name]}"
        for name, letter in marks(lines).items()
    ]


def free_note(lines: Sequence[Line]) -> str:
    """Return every type of free resource with how many there are."""
    kinds = Counter(line.type for line in lines if line.is_free)
    names = (
        f"{kind.removeprefix('AWS::')}{f' x{count}' if count > 1 else ''}"
        for kind, count in sorted(kinds.items())
    )
    return f"{kinds.total()} resources are free: {', '.join(names) or 'none'}"


def price_notes(lines: Sequence[Line], regions: Sequence[str]) -> list[str]:
    """Return how old the prices are, and each that is undated, derived or doubted."""
    used = _prices(lines)
    dates = sorted(price.as_of for price in used if price.as_of != "undated")
    ages = (
        f", read {' to '.join(dict.fromkeys((dates[0], dates[-1])))}" if dates else ""
    )
    notes = [f"Prices of {', '.join(regions)}{ages}; free tiers not deducted"]
    return notes + [
        f"To check: {price.service} {price.item}: {price.weakness}"
        for price in used
        if price.weakness
    ]


def _prices(lines: Sequence[Line]) -> list[Price]:
    used = {charge.price for charge in _charges(lines)}
    return sorted(used, key=lambda price: (price.service, price.item))


def _charges(lines: Sequence[Line]) -> list[Charge]:
    return [charge for line in lines for charge in line.estimate.charges]
