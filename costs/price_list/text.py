"""What a renewed price book changes: for a terminal and for machines."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from costs.book import Price
from costs.price_list.refresh import Refresh, Renewal
from costs.tables import Row, aligned

SCHEMA = 1
_WIDTH = 100
_KINDS = ("changed", "new", "confirmed", "kept", "missing")


def refresh_text(found: Refresh, title: str) -> str:
    """Return the changed and the new rows, the largest change first, and what stays."""
    rows: list[Row] = [("", "old", "new", "change")]
    rows += _rows(found)
    counts = Counter(map(_kind, found.renewals))
    table = aligned(rows) if len(rows) > 1 else ["no price changes"]
    lines = [
        f"{title}: USD, published {found.published}",
        "",
        *table,
        "",
        ", ".join(f"{counts[kind]} {kind}" for kind in _KINDS),
        *_reasons(found),
    ]
    return "\n".join([*lines, ""])


def refresh_json(found: Sequence[Refresh]) -> str:
    record = {"regions": [_record(each) for each in found], "schema": SCHEMA}
    return json.dumps(record, indent=2, sort_keys=True) + "\n"


def _record(found: Refresh) -> dict[str, object]:
    return {
        "published": found.published,
        "region": found.region,
        "rows": [
            {
                "after": _price(each.after),
                "before": _price(each.before),
                "change": None if each.change is None else round(each.change, 6),
                "item": each.item,
                "kept": each.kept or None,
                "kind": _kind(each),
                "service": each.service,
            }
            for each in found.renewals
        ],
    }


def _rows(found: Refresh) -> Iterator[Row]:
    changed = [each for each in found.renewals if _kind(each) == "changed"]
    for each in sorted(changed, key=lambda each: -abs(each.change or 0)):
        yield (_name(each), _usd(each.before), _usd(each.after), f"{each.change:+.1%}")
    for each in found.renewals:
        if _kind(each) == "new":
            yield (_name(each), "", _usd(each.after), "new")


def _reasons(found: Refresh) -> Iterator[str]:
    """Yield each reason once, with the rows that the list does not renew for it."""
    for kind in ("kept", "missing"):
        reasons: dict[str, list[str]] = {}
        for each in found.renewals:
            if _kind(each) == kind:
                reasons.setdefault(each.kept, []).append(f"{each.service} {each.item}")
        for reason, names in reasons.items():
            text = f"  {kind}: {reason}: {'; '.join(names)}"
            yield from textwrap.wrap(text, _WIDTH, subsequent_indent="    ")


def _kind(each: Renewal) -> str:
    """Return one of _KINDS: missing is what neither the book nor the list has."""
    if each.after is None:
        return "kept" if each.before else "missing"
    if each.before is None:
        return "new"
    return "changed" if each.change else "confirmed"


def _name(each: Renewal) -> str:
    unit = each.row.unit if each.row else ""
    return f"  {each.service} {each.item}, {unit}"


def _usd(price: Price | None) -> str:
    return f"{price.usd:.10f}".rstrip("0").rstrip(".") if price else ""


def _price(price: Price | None) -> dict[str, object] | None:
    return asdict(price) if price else None
