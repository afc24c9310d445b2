"""Bills and differences as JSON for machines: stable keys, USD to a hundredth of a cent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from costs.bill import Bill, Line, by_model, by_stack, by_stage, by_tag, grouped
from costs.budgets import Budget
from costs.charges import HOURS, Charge
from costs.diff import Change, Difference
from costs.endpoints import Endpoint
from costs.energy import METHOD
from costs.notes import marks, prices_of
from costs.scale import ENDS, Scale
from costs.subtotals import tags_of
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
                for stack, stack_lines in grouped(lines, by_stack)
            ],
        }
        for stage, lines in grouped(bill.lines, by_stage)
    ]
    return _text(
        {
            "assumptions": _assumptions(bill),
            "budgets": [_budget(each) for each in bill.budgets],
            "endpoints": [_endpoint(each) for each in bill.endpoints],
            "energy": _energy(bill),
            "models": [
                {"model": model, "monthly_usd": _total(lines)}
                for model, lines in grouped(bill.lines, by_model)
                if model
            ],
            "monthly_usd": _scale(bill.monthly),
            "regions": list(bill.regions),
            "stages": stages,
            "stale_prices": _stale(bill, bill.lines),
            "tags": {
                tag: [
                    {"value": value, "monthly_usd": _total(lines)}
                    for value, lines in grouped(bill.lines, by_tag(tag))
                ]
                for tag in tags_of(bill)
            },
        }
    )


def diff_json(difference: Difference) -> str:
    return _text(
        {
            "after_usd": _scale(difference.after.monthly),
            "assumptions": _assumptions(difference.before)
            | _assumptions(difference.after),
            "before_usd": _scale(difference.before.monthly),
            "budgets": {
                "after": [_budget(each) for each in difference.after.budgets],
                "before": [_budget(each) for each in difference.before.budgets],
            },
            "change_usd": _scale(difference.monthly),
            "changes": [_change(change) for change in difference.changes],
            "endpoints": [
                {
                    "after": _endpoint(each.after) if each.after else None,
                    "before": _endpoint(each.before) if each.before else None,
                    "endpoint": each.name,
                }
                for each in difference.endpoints
            ],
            "energy": {
                "after": _energy(difference.after),
                "before": _energy(difference.before),
            },
            "free": {
                "added": difference.free_added,
                "removed": difference.free_removed,
            },
            "stale_prices": _stale(difference.after, difference.changed_lines),
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


def _budget(budget: Budget) -> dict[str, Any]:
    return {
        "limit_usd": budget.limit,
        "monthly_usd": _scale(budget.monthly),
        "percent": _scale(budget.percent),
        "stage": budget.stage,
    }


def _endpoint(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "endpoint": endpoint.name,
        "energy_a_million_at_full_load": endpoint.energy and asdict(endpoint.energy),
        "monthly_usd": _scale(endpoint.monthly),
        "release": asdict(endpoint.release),
        "stack": endpoint.stack,
        "usd_a_million_as_expected": endpoint.expected,
        "usd_a_million_at_full_load": endpoint.full_load,
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "charges": [_charge(charge) for charge in line.estimate.charges],
        "detail": line.estimate.detail,
        "logical_id": line.logical_id,
        "model": line.model,
        "monthly_usd": _scale(line.monthly),
        "path": line.path,
        "tags": dict(line.tags),
        "type": line.type,
    }


def _charge(charge: Charge) -> dict[str, Any]:
    price = charge.price
    return {
        "as_of": price.as_of,
        "assumptions": list(charge.assumptions),
        "item": price.item,
        "monthly_usd": _scale(charge.monthly),
        "paid_share": _scale(charge.paid),
        "quantity": _scale(charge.quantity),
        "service": price.service,
        "source": price.source,
        "unit": price.unit,
        "unit_usd": price.usd,
        "weakness": price.weakness,
        "what": charge.what,
    }


def _energy(bill: Bill) -> dict[str, Any] | None:
    if bill.energy is None:
        return None
    return {
        "kg_co2e": _scale(bill.energy.kg_co2e),
        "kwh": _scale(bill.energy.kwh),
        "method": METHOD,
        "utilisation": _scale(bill.usage.utilisation),
    }


def _stale(bill: Bill, lines: Sequence[Line]) -> list[dict[str, str]]:
    return [
        {"as_of": price.as_of, "item": price.item, "service": price.service}
        for price in prices_of(lines)
        if bill.today and price.is_stale(bill.today)
    ]


def _assumptions(bill: Bill) -> dict[str, Any]:
    return {
        name: {"meaning": MEANINGS[name], **_scale(bill.usage[name])}
        for name in marks(bill.lines)
    }


def _total(lines: list[Line]) -> dict[str, float]:
    return _scale(Scale.total(line.monthly for line in lines))


def _scale(figure: Scale) -> dict[str, float]:
    return {end: round(getattr(figure, end), 4) for end in ENDS}


def _text(record: dict[str, Any]) -> str:
    record |= {"currency": "USD", "hours": HOURS, "schema": SCHEMA}
    return json.dumps(record, indent=2, sort_keys=True) + "\n"
