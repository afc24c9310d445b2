"""Rows of cells as aligned text or as a Markdown table, and figures as people read them."""

from __future__ import annotations

from collections.abc import Sequence

from costs.charges import WHOLE, Charge
from costs.scale import Scale, spread

Row = Sequence[str]


def aligned(rows: Sequence[Row]) -> list[str]:
    """Return the rows with the first column to the left and the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]
        ).rstrip()
        for row in rows
    ]


def markdown(header: Row, rows: Sequence[Row], *, words: int = 1) -> list[str]:
    """Return a GitHub table: columns of words to the left, figures to the right."""
    table = [list(map(_escaped, row)) for row in (header, *rows)]
    table.insert(1, [":--"] * words + ["--:"] * (len(header) - words))
    return [f"| {' | '.join(row)} |" for row in table]


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|").replace("<", "&lt;").replace("~", "\\~")


def dollars(usd: float) -> str:
    """Return USD to the cent; what is less than half a cent but not nothing says so."""
    if abs(usd) >= 0.005 or not usd:
        return f"{usd:,.2f}"
    return "<0.01" if usd > 0 else ">-0.01"


def change(before: float, after: float) -> str:
    """Return the change in USD with its sign, as the two figures beside it show it."""
    cents = round(after, 2) - round(before, 2)
    if abs(cents) >= 0.005:
        return f"{cents:+,.2f}"
    return dollars(min(max(after - before, -0.001), 0.001))


def amounts(monthly: Scale) -> tuple[str, str, str]:
    """Return USD at minimum, expected and maximum scale."""
    low, middle, high = map(dollars, monthly.ends)
    return low, middle, high


def headline(monthly: Scale) -> str:
    """Return "66.10 a month expected, 48.41 to 126.64", or one figure for all scales."""
    low, middle, high = amounts(monthly)
    if low == middle == high:
        return f"{middle} a month"
    return f"{middle} a month expected, {low} to {high}"


def billed(charge: Charge) -> str:
    """Return "Fargate vCPU x86: 365 / 730 / 1,460 vCPU-hour @ $0.04048"."""
    price = charge.price
    usd = f"{price.usd:.10f}".rstrip("0").rstrip(".")
    times = " x" if price.unit[0].isdigit() else ""  # "5 x 1,000 requests"
    quantity = f"{spread(charge.quantity)}{times} {price.unit}"
    share = "" if charge.paid == WHOLE else f" x {spread(charge.paid)}"
    what = f" ({charge.what})" if charge.what else ""
    return f"{price.service} {price.item}{what}: {quantity} @ ${usd}{share}"
