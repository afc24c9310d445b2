"""A difference of two bills as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from costs.budgets import budget_change_notes
from costs.charges import HOURS
from costs.diff import Change, Difference
from costs.endpoints import EndpointChange, measures
from costs.notes import energy_change_notes
from costs.scale import Scale, counted
from costs.tables import Row, aligned, billed, change, dollars
from costs.text import notes

SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def diff_text(found: Difference, title: str) -> str:
    """Return the changes, the largest first; what stays in one line; the total last."""
    rows: list[Row] = [
        ("", "expected", "", "", "change at", "change at"),
        ("", "before", "after", "change", "minimum", "maximum"),
    ]
    for each in found.changes:
        rows += _change_rows(each)
    rows.append((f"  {unchanged(found)}", *figures(found.kept, found.kept)))
    rows.append(("TOTAL", *figures(found.before.monthly, found.after.monthly)))
    *table, total = aligned(rows)
    heading = f"{title}: USD a month of {HOURS} h"
    energy = energy_change_notes(found.before, found.after)
    below = notes(found.changed_lines, found.after, energy, lettered=False)
    budgets = budget_change_notes(found.before.budgets, found.after.budgets)
    models = [line for each in found.endpoints for line in _endpoint(each)]
    return "\n".join(
        [
            heading,
            "",
            *models,
            *table,
            *free(found),
            "",
            *below,
            "",
            *budgets,
            total,
            "",
        ]
    )


def _endpoint(found: EndpointChange) -> list[str]:
    """Return what a release does to an endpoint, as a table and an empty line."""
    rows = [
        (each.name, each.before, each.after, each.change) for each in measures(found)
    ]
    table = aligned([(found.name, "before", "after", "change"), *rows])
    return [*table, ""]


def _change_rows(moved: Change) -> Iterator[Row]:
    title = f"{SIGNS[moved.kind]} {moved.stack}: {moved.path}"
    yield (title, *figures(moved.before_monthly, moved.after_monthly))
    for detail in details(moved):
        yield (f"    {detail}", *[""] * 5)


def details(moved: Change) -> Sequence[str]:
    """Return what the resource was and is, or which of its charges differ."""
    if moved.before is None or moved.after is None:
        return tuple(line.estimate.detail for line in moved.sides)
    was, now = moved.before.estimate, moved.after.estimate
    if was.detail != now.detail:
        return (was.detail, f"-> {now.detail}")
    gone = [billed(charge) for charge in was.charges if charge not in now.charges]
    come = [billed(charge) for charge in now.charges if charge not in was.charges]
    return (now.detail, *gone, *(f"-> {charge}" for charge in come))


def figures(before: Scale, after: Scale) -> Sequence[str]:
    """Return before, after and change as expected, then the change at either end."""
    was, now, moved = before.expected, after.expected, after - before
    ends = (change(0, moved.minimum), change(0, moved.maximum))
    return (dollars(was), dollars(now), change(was, now), *ends)


def unchanged(found: Difference) -> str:
    return f"{counted(len(found.unchanged), 'priced resource')} unchanged"


def free(found: Difference) -> list[str]:
    """Return a line on free resources that came or went, if any did."""
    if not (found.free_added or found.free_removed):
        return []
    return [f"  free resources: {found.free_added} added, {found.free_removed} removed"]
