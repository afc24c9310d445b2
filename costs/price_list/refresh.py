"""A price book renewed from the AWS Price List, and what that changes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

from costs.book import PRICES, WEAK, Price, PriceBook, PriceError, read_book, regions
from costs.price_list.files import (
    AWS,
    NoPriceListError,
    PriceList,
    PriceListError,
    file_of,
    place,
    read_price_list,
)
from costs.price_list.offers import Offer, offers, prefixes

REFERENCE = "us-east-1"  # the fullest book: what a new row elsewhere is measured with
# Prices move by percents. What moves further is another unit, or another product.
MOST = 3.0


@dataclass(frozen=True)
class Renewal:
    """One row: as it was, and as it is now or why it stays."""

    service: str
    item: str
    before: Price | None
    after: Price | None
    kept: str = ""  # the reason, "" where the list has the price

    @property
    def row(self) -> Price | None:
        """What goes into the book."""
        return self.before if self.after is None else self.after

    @property
    def change(self) -> float | None:
        """The change as a share of the old price; None where one side is not."""
        if self.before is None or self.after is None or not self.before.usd:
            return None
        return self.after.usd / self.before.usd - 1


@dataclass(frozen=True)
class Refresh:
    region: str
    published: str  # the newest of the files
    renewals: tuple[Renewal, ...]

    @property
    def book(self) -> PriceBook:
        return PriceBook(
            self.region, tuple(each.row for each in self.renewals if each.row)
        )


def refresh(region: str, base: str = AWS, *, prices: Path = PRICES) -> Refresh:
    """Look up every row of a region's book in the price lists below `base`.

    `base` is an address or a folder laid out like AWS's. Raises PriceListError where
    there is no list at all or one cannot be read, PriceError for a book.
    """
    if region not in prefixes():
        known = ", ".join(prefixes())
        raise PriceListError(f"region {region}: not one of {known}")
    before = _rows(region, prices)
    reference = _rows(REFERENCE, prices) | before
    found: dict[tuple[str, str], Renewal] = {}
    published, missing = [], []
    for code, lines in _by_code():
        try:
            with file_of(base, code, region) as path:
                listed = read_price_list(path, lines, region)
        except NoPriceListError as error:
            missing.append(error)
            listed = PriceList("", {}, dict.fromkeys(lines, str(error)))
        else:
            published.append(listed.published)
        source = f"AWS Price List {place(AWS, code, region)}"
        for offer in lines:
            key = (offer.service, offer.item)
            renewed = _renewed(offer, listed, reference.get(key), source)
            price, kept = (None, renewed) if isinstance(renewed, str) else (renewed, "")
            found[key] = Renewal(*key, before.get(key), price, kept)
    if not published:
        raise missing[0]
    renewals = (
        found.get(key) or Renewal(*key, before[key], None, "not in the Price List")
        for key in dict.fromkeys([*before, *found])
    )
    return Refresh(region, max(published), tuple(renewals))


def _by_code() -> Iterator[tuple[str, tuple[Offer, ...]]]:
    """Yield the offers that one file has, for each file."""
    listed = sorted((each for each in offers() if each.listed), key=_code)
    for code, lines in groupby(listed, key=_code):
        yield code, tuple(lines)


def _code(offer: Offer) -> str:
    return offer.code


def _rows(region: str, prices: Path) -> dict[tuple[str, str], Price]:
    if region not in regions(prices):
        return {}
    found = read_book(region, prices).prices
    return {(price.service, price.item): price for price in found}


def _renewed(
    offer: Offer, listed: PriceList, near: Price | None, source: str
) -> Price | str:
    """Return the price in the list, or why it cannot be taken."""
    prices = listed.prices.get(offer, ())
    if not prices:
        return listed.unpriced.get(offer, "no product of its usage type")
    if len({price.usd for price in prices}) > 1:
        each = ", ".join(f"SKU {price.sku} {price.usd:g}" for price in prices)
        return f"several prices: {each}"
    price = prices[0]
    usd = float(f"{price.usd * offer.per:.10g}")
    if near and near.usd and not 1 / MOST <= usd / near.usd <= MOST:
        return (
            f"SKU {price.sku}: {usd:g} a {offer.unit} is too far from {near.usd:g} to be"
            f" the same thing; the list's unit is {price.unit!r}"
        )
    return Price(
        offer.service,
        offer.item,
        offer.unit,
        usd,
        f"{source}, SKU {price.sku}",
        listed.published,
        # What a note says of tiers stays; why the old figure was weak does not.
        "" if near is None or near.note.startswith(WEAK) else near.note,
    )


def write_book(book: PriceBook, prices: Path = PRICES) -> Path:
    """Put a book in place of the old one, or leave that as it was.

    Raises PriceError naming the file.
    """
    path = prices / f"{book.region}.json"
    text = json.dumps(_record(book), indent=2, ensure_ascii=False) + "\n"
    part = path.with_suffix(".part")
    try:
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise PriceError(f"{path}: cannot be written: {error.strerror}") from None
    return path


def _record(book: PriceBook) -> Mapping[str, object]:
    rows = [asdict(price) for price in book.prices]
    return {"region": book.region, "currency": "USD", "rows": rows}
