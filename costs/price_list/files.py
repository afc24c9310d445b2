"""The AWS Price List's bulk files: what a region's products cost on demand.

Format: "Reading the service price list file for an AWS service" in the AWS Billing user
guide. A file has its products by SKU and, after them, their terms by SKU; a term has a
price dimension for each tier.
"""

from __future__ import annotations

import math
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from costs.price_list.json_members import JsonMembers
from costs.price_list.offers import Offer, usage_names

AWS = "https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws"
_SECONDS = 60  # without a byte, and a download is given up


class PriceListError(ValueError):
    """A price list that cannot be had or read."""


class NoPriceListError(PriceListError):
    """A service that has no price list in a region, or none in a folder."""


@dataclass(frozen=True)
class Listed:
    """The price of one product: of its first tier that costs anything."""

    sku: str
    usage: str
    usd: float  # per unit of the list
    unit: str


@dataclass(frozen=True)
class PriceList:
    """What one file lists of what was asked for."""

    published: str  # a day
    prices: Mapping[Offer, tuple[Listed, ...]]
    unpriced: Mapping[Offer, str]  # why a product that is there has no price


def place(base: str, code: str, region: str) -> str:
    """Return where a service's file of a region lies below a folder or an address."""
    return f"{base}/{code}/current/{region}/index.json"


@contextmanager
def file_of(base: str, code: str, region: str) -> Iterator[Path]:
    """Lend the file, after a download if `base` is an address.

    Raises PriceListError naming the file or address and what is wrong with it.
    """
    where = place(base, code, region)
    if "://" not in base:
        if not Path(where).is_file():
            raise NoPriceListError(f"{where}: no such file")
        yield Path(where)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index.json"
        try:
            with (
                urllib.request.urlopen(where, timeout=_SECONDS) as sent,
                path.open("wb") as kept,
            ):
                shutil.copyfileobj(sent, kept)
        except urllib.error.HTTPError as error:
            raise NoPriceListError(f"{where}: {error}") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise PriceListError(
                f"{where}: cannot be read: {reason}; with --offers DIR files are read"
                " that you have fetched yourself"
            ) from None
        yield path


def read_price_list(path: Path, wanted: Iterable[Offer], region: str) -> PriceList:
    """Read what a file says of some offers, without holding the rest of it.

    Raises PriceListError naming the file.
    """
    try:
        with path.open(encoding="utf-8") as source:
            return _read(JsonMembers(source), tuple(wanted), region)
    except KeyError as error:
        raise PriceListError(f"{path}: is no price list: {error} is missing") from None
    except (OSError, ValueError, AttributeError, TypeError, RecursionError) as error:
        raise PriceListError(f"{path}: is no price list: {error}") from None


def _read(text: JsonMembers, wanted: tuple[Offer, ...], region: str) -> PriceList:
    published, skus, terms = "", None, None
    for key in text.members():
        if key == "publicationDate":
            published = str(text.value())[:10]
        elif key == "products":
            skus = _skus(text, wanted, region)
        elif key == "terms":
            if skus is None:
                raise ValueError("terms stand before products")
            terms = _on_demand(text, {sku for sku, _, _ in skus})
        else:
            text.skip()
    if not published or skus is None or terms is None:
        raise ValueError("publicationDate, products or terms is missing")
    prices: dict[Offer, list[Listed]] = {}
    unpriced: dict[Offer, str] = {}
    for sku, usage, offer in skus:
        try:
            usd, unit = _first_paid(terms.get(sku))
        except ValueError as error:
            unpriced[offer] = f"SKU {sku}: {error}"
        else:
            prices.setdefault(offer, []).append(Listed(sku, usage, usd, unit))
    chosen = {offer: _preferred(offer, found) for offer, found in prices.items()}
    return PriceList(published, chosen, unpriced)


def _skus(
    text: JsonMembers, wanted: tuple[Offer, ...], region: str
) -> list[tuple[str, str, Offer]]:
    """Return the products that some offer means: SKU, usage type, offer."""
    by_usage: dict[str, list[tuple[str, Offer]]] = {}
    for offer in wanted:
        for usage in offer.usage:
            for name in usage_names(usage, region):
                by_usage.setdefault(name, []).append((usage, offer))
    found = []
    for sku in text.members():
        attributes = text.value().get("attributes", {})
        for usage, offer in by_usage.get(attributes.get("usagetype"), ()):
            if all(attributes.get(key) == value for key, value in offer.where):
                found.append((sku, usage, offer))
    return found


def _on_demand(text: JsonMembers, skus: set[str]) -> dict[str, Any]:
    found = {}
    for kind in text.members():
        if kind != "OnDemand":
            text.skip()
            continue
        for sku in text.members():
            term = text.value()
            if sku in skus:
                found[sku] = term
    return found


def _first_paid(terms: Any) -> tuple[float, str]:
    """Return USD and unit of the lowest tier that is not free."""
    if not terms:
        raise ValueError("no terms on demand")
    paid = []
    for term in terms.values():
        for tier in term["priceDimensions"].values():
            usd = float(tier["pricePerUnit"].get("USD", "nan"))
            if math.isfinite(usd) and usd > 0:
                paid.append((float(tier.get("beginRange") or 0), usd, tier["unit"]))
    if not paid:
        raise ValueError("no price above 0 in USD")
    _, usd, unit = min(paid)
    return usd, unit


def _preferred(offer: Offer, found: list[Listed]) -> tuple[Listed, ...]:
    """Keep the products of the first usage type that the list has."""
    for usage in offer.usage:
        if kept := tuple(price for price in found if price.usage == usage):
            return kept
    return ()
