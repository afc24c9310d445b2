"""What AWS calls the things that both a bill and a report have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from costs.charges import Charge
from costs.ledger.report import USED, Entry, Report
from costs.price_list.offers import Offer, offers

_ANYBODYS = "AWSDataTransfer"  # billed under the service that sends


@dataclass(frozen=True)
class Thing:
    """What one line of a comparison is about: one usage type, or one service."""

    code: str  # of the product; in Cost Explorer's tables its name there
    usage: str  # "" where the report knows services only
    operation: str
    name: str  # for people: the items of our book that it is
    unit: str
    per: float  # of the list's units make one of ours


def thing_billed(entry: Entry) -> Thing | None:
    """Return what a line of a report is about, None for what no bill of ours has."""
    if entry.kind not in USED:
        return None
    if not entry.usage:
        return _service(entry.product) or _whole_group(entry)
    for offer in _by_usage().get(entry.usage, ()):
        if offer.code not in (entry.product, _ANYBODYS):
            continue
        operation = dict(offer.where).get("operation", "")
        if not operation or not entry.operation or operation == entry.operation:
            return _thing_of(offer)
    return None


def _whole_group(entry: Entry) -> Thing | None:
    """Return everything, for a table that has a column for each value of a tag."""
    return None if entry.product else _ALL


_ALL = Thing("", "", "", "everything", "", 1.0)


def thing_charged(charge: Charge, report: Report) -> Thing:
    """Return what a charge is in a report of this kind."""
    offer = offer_of(charge)
    if report.amounts:
        return _thing_of(offer)
    seen = {entry.product for entry in report.spent if entry.product}
    if not seen:
        return _ALL
    name = next((name for name in offer.explorer if name in seen), offer.explorer[0])
    return _service(name) or Thing(name, "", "", name, "", 1.0)


@cache
def _thing_of(offer: Offer) -> Thing:
    """Return the same for all items that a report bills under one usage type."""
    same = [
        each
        for each in offers()
        if (each.code, each.usage[0], _operation(each))
        == (offer.code, offer.usage[0], _operation(offer))
    ] or [offer]
    first = min(same, key=lambda each: each.per)
    services: dict[str, list[str]] = {}
    for each in same:
        services.setdefault(each.service, []).append(each.item)
    name = "; ".join(f"{key} {' or '.join(items)}" for key, items in services.items())
    return Thing(
        offer.code, offer.usage[0], _operation(offer), name, first.unit, first.per
    )


@cache
def _service(name: str) -> Thing | None:
    known = any(name in offer.explorer for offer in offers())
    return Thing(name, "", "", name, "", 1.0) if known else None


def _operation(offer: Offer) -> str:
    return dict(offer.where).get("operation", "")


@cache
def _by_usage() -> Mapping[str, list[Offer]]:
    found: dict[str, list[Offer]] = {}
    for offer in offers():
        for usage in (*offer.usage, *offer.billed):
            found.setdefault(usage, []).append(offer)
    return found


@cache
def _by_item() -> Mapping[tuple[str, str], Offer]:
    return {(offer.service, offer.item): offer for offer in offers()}


def offer_of(charge: Charge) -> Offer:
    """Return the line of a charge's item; one that has none bills under its own name."""
    price = charge.price
    key = (price.service, price.item)
    if key in _by_item():
        return _by_item()[key]
    return Offer(
        *key, price.service, (price.item,), price.unit, explorer=(price.service,)
    )
