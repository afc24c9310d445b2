"""The options and their prices: for a terminal, for a document, for machines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from itertools import groupby

from costs.book import Price
from costs.charges import HOURS
from costs.notes import stale_notes
from costs.options import Option
from costs.tables import Row, aligned, dollars, markdown

SCHEMA = 1
_HEADER = ("USD a month", "on Spot")


def options_text(
    found: Sequence[Option], region: str, today: date | None = None
) -> str:
    """Return a table of every option, group by group."""
    rows: list[Row] = [("", *_HEADER)]
    for group, members in groupby(found, lambda option: option.group):
        rows.append((group, "", ""))
        rows += [(f"  {option.name}", *_figures(option)) for option in members]
    return "\n".join([*aligned(rows), "", *_notes(found, region, today), ""])


def options_markdown(
    found: Sequence[Option], region: str, today: date | None = None
) -> str:
    """Return the same as a GitHub table: docs/idle.md is that of us-east-1."""
    rows: list[Row] = []
    for group, members in groupby(found, lambda option: option.group):
        rows.append((f"**{group}**", "", ""))
        rows += [(option.name, *_figures(option)) for option in members]
    table = markdown(("", *_HEADER), rows)
    title = "# What each option costs while nobody calls"
    command = "`python -m costs options --markdown` wrote this page."
    return "\n".join(
        [title, "", *table, "", *_notes(found, region, today), command, ""]
    )


def options_json(
    found: Sequence[Option], region: str, today: date | None = None
) -> str:
    record = {
        "currency": "USD",
        "hours": HOURS,
        "options": [
            {
                "group": option.group,
                "monthly_usd": round(option.monthly, 4),
                "name": option.name,
                "sources": sorted({price.source for price in option.prices}),
                "spot_monthly_usd": (
                    None if option.spot is None else round(option.spot, 4)
                ),
            }
            for option in found
        ],
        "region": region,
        "schema": SCHEMA,
        "stale_prices": [
            {"as_of": price.as_of, "item": price.item, "service": price.service}
            for price in _prices(found)
            if today and price.is_stale(today)
        ],
    }
    return json.dumps(record, indent=2, sort_keys=True) + "\n"


def _figures(option: Option) -> tuple[str, str]:
    return (
        dollars(option.monthly),
        "" if option.spot is None else dollars(option.spot),
    )


def _notes(found: Sequence[Option], region: str, today: date | None) -> list[str]:
    prices = _prices(found)
    dates = sorted(price.as_of for price in prices if price.as_of != "undated")
    weak = sum(price.weakness is not None for price in prices)
    return [
        f"A month of {HOURS} h in {region} in which nobody calls, builds or deploys;"
        " free tiers not deducted.",
        f"{len(prices)} prices, read {dates[0]} to {dates[-1]}; {weak} are undated or"
        " assumed, those of Spot among",
        f"them, which move daily: see costs/prices/{region}.json.",
        *stale_notes(prices, today),
    ]


def _prices(found: Sequence[Option]) -> list[Price]:
    prices = {price for option in found for price in option.prices}
    return sorted(prices, key=lambda price: (price.service, price.item))
