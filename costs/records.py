"""Bills and differences as JSON for machines: stable keys, USD to a hundredth of a cent."""

from __future__ import annotations

import json
from typing import Any

from costs.bill import Bill, Line, grouped
from costs.charges import HOURS, Charge
from costs.diff import Change, Difference
from costs.notes import marks
from costs.scale import Scale
from costs.usage import MEANINGS

SCHEMA = 1


def bill_json(bill: Bill) -> str:
    stages = [
        {
            "stage": stage,
            "monthly_usd": _total(lines),
            "stacks": [
                {
                    "stack": stack,
                    "monthly_usd": _total(stack_lines),
                    "resources": [_line(line) for line in stack_lines],
                }
                for stack, stack_lines in grouped(lines, "stack")
            ],
        }
        for stage, lines in grouped(bill.lines, "stage")
    ]
    return _text(
        {
            "assumptions": _assumptions(bill),
            "models": [
                {"model": model, "monthly_usd": _total(lines)}
                for model, lines in grouped(bill.lines, "model")
                if model
            ],
            "monthly_usd": _scale(bill.monthly),
            "regions": list(bill.regions),
            "stages": stages,
        }
    )


def diff_json(difference: Difference) -> str:
    return _text(
        {
            "after_usd": _scale(difference.after.monthly),
            "assumptions": _assumptions(difference.before)
            | _assumptions(difference.after),
            "before_usd": _scale(difference.before.monthly),
            "change_usd": _scale(difference.monthly),
            "changes": [_change(change) for change in difference.changes],
            "free": {
                "added": difference.free_added,
                "removed": difference.free_removed,
            },
            "unchanged": len(difference.unchanged),
        }
    )


def _change(change: Change) -> dict[str, Any]:
    return {
        "after": _line(change.after) if change.after else None,
        "before": _line(change.before) if change.before else None,
        "change_usd": _scale(change.monthly),
        "kind": change.kind,
        "path": change.path,
        "stack": change.stack,
        "stage": change.stage,
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "charges": [_charge(charge) for charge in line.estimate.charges],
        "detail": line.estimate.detail,
        "logical_id": line.logical_id,
        "model": line.model,
        "monthly_usd": _scale(line.monthly),
        "path": line.path,
        "type": line.type,
    }


def _charge(charge: Charge) -> dict[str, Any]:
    price = charge.price
    return {
        "as_of": price.as_of,
        "assumptions": list(charge.assumptions),
        "item": price.item,
        "monthly_usd": _scale(charge.monthly),
        "quantity": _scale(charge.quantity),
        "service": price.service,
        "source": price.source,
        "unit": price.unit,
        "unit_usd": price.usd,
        "weakness": price.weakness,
    }


def _assumptions(bill: Bill) -> dict[str, Any]:
    return {
        name: {"meaning": MEANINGS[name], **_scale(bill.usage[name])}
        for name in marks(bill.lines)
    }


def _total(lines: list[Line]) -> dict[str, float]:
    return _scale(Scale.total(line.monthly for line in lines))


def _scale(figure: Scale) -> dict[str, float]:
    return {"maximum": round(figure.maximum, 4), "minimum": round(figure.minimum, 4)}


def _text(record: dict[str, Any]) -> str:
    record |= {"currency": "USD", "hours": HOURS, "schema": SCHEMA}
    return json.dumps(record, indent=2, sort_keys=True) + "\n"
