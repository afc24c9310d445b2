"""Bills and differences as CSV for a spreadsheet: one row a charge, one a change."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence

from costs.bill import Bill, Line, biggest_first
from costs.diff import Difference
from costs.scale import ENDS, Scale

Cells = Mapping[str, object]

_LINE = ("stage", "stack", "model", "path", "logical_id", "type")
_QUANTITY = tuple(f"quantity_{end}" for end in ENDS)
_PAID = tuple(f"paid_share_{end}" for end in ENDS)
_USD = tuple(f"usd_{end}" for end in ENDS)
_BILL = (
    *_LINE, "detail", "service", "item", "unit", "unit_usd", *_QUANTITY, *_PAID, *_USD,
    "assumptions", "as_of", "source",
)  # fmt: skip
_DIFF = (
    "kind", "stage", "stack", "path", "type",
    *(f"{side}_usd_{end}" for side in ("before", "after", "change") for end in ENDS),
)  # fmt: skip


def bill_csv(bill: Bill) -> str:
    """Return every charge, the biggest resource first; a free resource has one row."""
    rows = (row for line in biggest_first(bill.lines) for row in _charges(line))
    return _csv(_BILL, rows)


def diff_csv(found: Difference) -> str:
    """Return every change, the largest first."""
    rows = (
        {
            "kind": each.kind,
            "stage": each.stage,
            "stack": each.stack,
            "path": each.path,
            "type": each.sides[-1].type,
            **_ends("before_usd", each.before_monthly),
            **_ends("after_usd", each.after_monthly),
            **_ends("change_usd", each.monthly),
        }
        for each in found.changes
    )
    return _csv(_DIFF, rows)


def _charges(line: Line) -> Iterator[Cells]:
    own = {name: getattr(line, name) for name in _LINE}
    own |= {"detail": line.estimate.detail}
    if line.is_free:
        yield own | _ends("usd", Scale.always(0))
    for charge in line.estimate.biggest_first:
        price = charge.price
        yield {
            **own,
            "service": price.service,
            "item": price.item,
            "unit": price.unit,
            "unit_usd": price.usd,
            **_ends("quantity", charge.quantity),
            **_ends("paid_share", charge.paid),
            **_ends("usd", charge.monthly),
            "assumptions": " ".join(charge.assumptions),
            "as_of": price.as_of,
            "source": price.source,
        }


def _ends(name: str, figure: Scale) -> dict[str, object]:
    return {f"{name}_{end}": round(getattr(figure, end), 6) for end in ENDS}


def _csv(names: Sequence[str], rows: Iterable[Cells]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
