"""The price book of a region: dated rows, each with its source, read from JSON."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date, timedelta
from pathlib import Path
from typing import Any

PRICES = Path(__file__).parent / "prices"
STALE = timedelta(days=180)

_DATE = re.compile(r"20\d\d(-\d\d(-\d\d)?)?")
WEAK = ("DERIVED", "ASSUMPTION", "DOUBT")  # how a note says that nobody read it


class PriceError(ValueError):
    """A price that is missing, or a book that cannot be trusted."""


@dataclass(frozen=True)
class Price:
    """What one unit of one item costs, where that was read, and when."""

    service: str
    item: str
    unit: str
    usd: float
    source: str
    as_of: str  # a day, a month, a year, or "undated"
    note: str

    @property
    def weakness(self) -> str | None:
        """Why the figure should be checked before money hangs on it, if it should."""
        if self.note.startswith(WEAK):
            return self.note
        return "undated" if self.as_of == "undated" else None

    def is_stale(self, today: date) -> bool:
        """Tell whether it may be older than STALE; of an undated one nobody knows."""
        if self.as_of == "undated":
            return False
        return today - _earliest(self.as_of) > STALE


@dataclass(frozen=True)
class PriceBook:
    region: str
    prices: tuple[Price, ...]

    def price(self, service: str, item: str) -> Price:
        """Return the one row for it; PriceError names service, item and region."""
        for price in self.prices:
            if (price.service, price.item) == (service, item):
                return price
        items = [price.item for price in self.prices if price.service == service]
        known = f"known items: {'; '.join(items)}" if items else "unknown service"
        raise PriceError(f"no price of {service}, {item} in {self.region} ({known})")


def regions(folder: Path = PRICES) -> tuple[str, ...]:
    """Return the regions that have a price book."""
    return tuple(sorted(path.stem for path in folder.glob("*.json")))


def read_book(region: str, folder: Path = PRICES) -> PriceBook:
    """Read a region's book, refusing a row that is not whole.

    Raises PriceError naming the file, the row, the value and what was wanted.
    """
    path = folder / f"{region}.json"
    if not path.is_file():
        known = ", ".join(regions(folder)) or "none"
        raise PriceError(f"no price book for region {region}; there are: {known}")
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PriceError(f"{path}: cannot be read as JSON: {error}") from error
    try:
        return _book(raw, region)
    except PriceError as error:
        raise PriceError(f"{path}: {error}") from None


def _book(raw: Any, region: str) -> PriceBook:
    _keys("book", raw, {"region", "currency", "rows"})
    if raw["region"] != region:
        raise PriceError(
            f"region: {raw['region']!r} is not {region!r}, the file's name"
        )
    if raw["currency"] != "USD":
        raise PriceError(f"currency: {raw['currency']!r} is not 'USD'")
    if not isinstance(raw["rows"], list) or not raw["rows"]:
        raise PriceError("rows: not a list of one or more")
    prices = tuple(_price(f"rows[{i}]", row) for i, row in enumerate(raw["rows"]))
    seen: set[tuple[str, str]] = set()
    for price in prices:
        if (key := (price.service, price.item)) in seen:
            raise PriceError(f"rows: {price.service}, {price.item} is given twice")
        seen.add(key)
    return PriceBook(region, prices)


def _price(where: str, row: Any) -> Price:
    _keys(where, row, {field.name for field in fields(Price)})
    where = f"{where} ({row['service']}, {row['item']})"
    for name in ("service", "item", "unit", "source", "as_of", "note"):
        if not isinstance(row[name], str):
            raise PriceError(f"{where}.{name}: {row[name]!r} is not text")
        if not row[name].strip() and name != "note":
            raise PriceError(f"{where}.{name}: empty")
    if not _is_date(row["as_of"]):
        raise PriceError(f"{where}.as_of: {row['as_of']!r} is no ISO date or 'undated'")
    usd = row["usd"]
    if isinstance(usd, bool) or not isinstance(usd, int | float):
        raise PriceError(f"{where}.usd: {usd!r} is not a number")
    if not (math.isfinite(usd) and usd >= 0):
        raise PriceError(f"{where}.usd: {usd} is not 0 or more")
    return Price(**{**row, "usd": float(usd)})


def _is_date(text: str) -> bool:
    if text == "undated" or not _DATE.fullmatch(text):
        return text == "undated"
    try:
        return bool(_earliest(text))
    except ValueError:  # the 30th of February
        return False


def _earliest(as_of: str) -> date:
    """Return the first day that a day, a month or a year may mean."""
    return date.fromisoformat(as_of + "-01-01"[len(as_of) - 4 :])


def _keys(where: str, raw: Any, wanted: set[str]) -> None:
    if not isinstance(raw, dict):
        raise PriceError(f"{where}: {raw!r} is not a table")
    for problem, names in (
        ("unknown", raw.keys() - wanted),
        ("missing", wanted - raw.keys()),
    ):
        if names:
            raise PriceError(f"{where}: {problem} keys {_listed(names)}")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
