"""Bills and differences for a pull request: what fits a screen, details folded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from costs.bill import Bill, Line, biggest_first, by_stack, by_stage, grouped
from costs.budgets import budget_change_notes, budget_notes
from costs.charges import HOURS
from costs.diff import Change, Difference
from costs.diff_text import SIGNS, details, figures, free, unchanged
from costs.endpoints import EndpointChange, measures
from costs.notes import (
    assumption_notes,
    energy_change_notes,
    energy_notes,
    free_note,
    marked,
    marks,
    price_notes,
)
from costs.scale import Scale, counted
from costs.subtotals import subtotals
from costs.tables import Row, amounts, billed, headline, markdown

_DIFF = ("", "before", "after", "change", "at minimum", "at maximum")
# What stands in the open, about a screen; the rest is folded.
_OPEN = 2  # endpoints
_SHOWN = 8  # changes of resources


def bill_markdown(
    bill: Bill, title: str, tags: Sequence[str] = (), section: Sequence[str] = ()
) -> str:
    """Return a table of stacks, `section`, and each stack's resources, folded."""
    rows: list[Row] = []
    for stage, lines in grouped(bill.lines, by_stage):
        rows.append(_bold(stage or "(no stage)", _total(lines)))
        rows += [
            (stack, *_total(stack_lines))
            for stack, stack_lines in grouped(lines, by_stack)
        ]
    for name, members in subtotals(bill, tags):
        rows.append((f"*{name}*", "", "", ""))
        rows += [(member, *amounts(monthly)) for member, monthly in members]
    rows.append(_bold("Total", amounts(bill.monthly)))
    text = [
        f"### {title}: ${headline(bill.monthly)}",
        "",
        *markdown(("Stack", "at minimum", "expected", "at maximum"), rows),
        "",
        *_listed(budget_notes(bill.budgets)),
        *section,
        *_folded("Every priced resource", _resources(bill)),
        *_notes(bill.lines, bill, *energy_notes(bill)),
    ]
    return "\n".join(text)


def diff_markdown(found: Difference, title: str) -> str:
    """Return what fits a screen: the total, the endpoints, the largest changes.

    The other changes, the assumptions and what is free are folded.
    """
    shown, folded = found.changes[:_SHOWN], found.changes[_SHOWN:]
    rows = [_change(each) for each in shown]
    if folded:
        before, after = (
            Scale.total(getattr(each, side) for each in folded)
            for side in ("before_monthly", "after_monthly")
        )
        more = f"{counted(len(folded), 'smaller change')}, below"
        rows.append((more, *figures(before, after)))
    rows.append((unchanged(found), *figures(found.kept, found.kept)))
    total = figures(found.before.monthly, found.after.monthly)
    rows.append(_bold("Total", total))
    lines = [
        f"### {title}: {_moved(found)}",
        "",
        *(line for each in found.endpoints[:_OPEN] for line in _endpoint(each)),
        *markdown(_DIFF, rows),
        "",
        *_listed(budget_change_notes(found.before.budgets, found.after.budgets)),
    ]
    if others := found.endpoints[_OPEN:]:
        names = ", ".join(each.name for each in others)
        lines += _folded(
            f"More endpoints: {names}",
            [line for each in others for line in _endpoint(each)],
        )
    if folded:
        smaller = markdown(_DIFF, [_change(each) for each in folded])
        lines += _folded("Smaller changes", smaller)
    notes = [note.strip() for note in free(found)]
    notes += energy_change_notes(found.before, found.after)
    lines += _notes(found.changed_lines, found.after, *notes, lettered=False)
    return "\n".join(lines)


def _listed(notes: Sequence[str]) -> list[str]:
    return [*(f"- {note}" for note in notes), ""] if notes else []


def _moved(found: Difference) -> str:
    """Return "+3.24 USD expected (+3.24 at minimum, +12.98 at maximum)"."""
    _, _, middle, low, high = figures(found.before.monthly, found.after.monthly)
    if low == middle == high:
        return f"{middle} USD"
    return f"{middle} USD expected ({low} at minimum, {high} at maximum)"


def _change(moved: Change) -> Row:
    title = f"{SIGNS[moved.kind]} {moved.stack}: {moved.path}: "
    cells = figures(moved.before_monthly, moved.after_monthly)
    return (title + " ".join(details(moved)), *cells)


def _endpoint(found: EndpointChange) -> list[str]:
    rows = [
        (each.name, each.before, each.after, each.change) for each in measures(found)
    ]
    header = (f"**{found.name}**", "before", "after", "change")
    return [*markdown(header, rows), ""]


def _resources(bill: Bill) -> list[str]:
    letters = marks(bill.lines)
    rows = [
        (
            f"{line.stack}: {line.path}: {line.estimate.detail}",
            billed(charge),
            *amounts(charge.monthly),
            marked(charge, letters),
        )
        for line in biggest_first(bill.lines)
        for charge in line.estimate.biggest_first
    ]
    header = ("Resource", "Charge", "at minimum", "expected", "at maximum", "rests on")
    return markdown(header, rows, words=2)


def _notes(
    lines: Sequence[Line], bill: Bill, *more: str, lettered: bool = True
) -> list[str]:
    notes = price_notes(lines, bill.regions, bill.today)
    notes += assumption_notes(lines, bill.usage, lettered=lettered)
    notes += [*more, free_note(bill.lines)]
    summary = f"Assumptions (USD, a month of {HOURS} h)"
    return _folded(summary, [f"- {note}" for note in notes])


def _folded(summary: str, body: Sequence[str]) -> list[str]:
    head = f"<details><summary>{summary}</summary>"
    return [head, "", *body, "", "</details>", ""]


def _bold(title: str, cells: Sequence[str]) -> Row:
    return tuple(f"**{cell}**" for cell in (title, *cells))


def _total(lines: Iterable[Line]) -> tuple[str, str, str]:
    return amounts(Scale.total(line.monthly for line in lines))
