"""A difference of two bills as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from costs.charges import HOURS
from costs.diff import Change, Difference
from costs.scale import Scale, counted
from costs.tables import Row, aligned, billed, dollars, signed
from costs.text import notes

SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def diff_text(found: Difference, title: str) -> str:
    """Return the changes, the largest first; what stays in one line; the total last."""
    rows: list[Row] = [
        ("", "", "at minimum", "", "", "at maximum", ""),
        ("", "before", "after", "change", "before", "after", "change"),
    ]
    for change in found.changes:
        rows += _change_rows(change)
    rows.append((f"  {unchanged(found)}", *figures(found.kept, found.kept)))
    rows.append(("TOTAL", *figures(found.before.monthly, found.after.monthly)))
    *table, total = aligned(rows)
    heading = f"{title}: USD a month of {HOURS} h"
    below = notes(found.changed_lines, found.after)
    return "\n".join([heading, "", *table, *free(found), "", *below, "", total, ""])


def _change_rows(change: Change) -> Iterator[Row]:
    title = f"{SIGNS[change.kind]} {change.stack}: {change.path}"
    yield (title, *figures(change.before_monthly, change.after_monthly))
    for detail in details(change):
        yield (f"    {detail}", *[""] * 6)


def details(change: Change) -> Sequence[str]:
    """Return what the resource was and is, or which of its charges differ."""
    if change.before is None or change.after is None:
        return tuple(line.estimate.detail for line in change.sides)
    was, now = change.before.estimate, change.after.estimate
    if was.detail != now.detail:
        return (was.detail, f"-> {now.detail}")
    gone = [billed(charge) for charge in was.charges if charge not in now.charges]
    come = [billed(charge) for charge in now.charges if charge not in was.charges]
    return (now.detail, *gone, *(f"-> {charge}" for charge in come))


def figures(before: Scale, after: Scale) -> Sequence[str]:
    """Return before, after and change at minimum, then the same at maximum."""
    moved = after - before
    return (
        dollars(before.minimum),
        dollars(after.minimum),
        signed(moved.minimum),
        dollars(before.maximum),
        dollars(after.maximum),
        signed(moved.maximum),
    )


def unchanged(found: Difference) -> str:
    return f"{counted(len(found.unchanged), 'priced resource')} unchanged"


def free(found: Difference) -> list[str]:
    """Return a line on free resources that came or went, if any did."""
    if not (found.free_added or found.free_removed):
        return []
    return [f"  free resources: {found.free_added} added, {found.free_removed} removed"]
