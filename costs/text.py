"""A bill as text: what a cost reviewer reads in a terminal or in a golden file."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from costs.bill import Bill, Line, biggest_first, by_stack, by_stage, grouped
from costs.budgets import budget_notes
from costs.charges import HOURS
from costs.notes import (
    assumption_notes,
    energy_notes,
    free_note,
    marked,
    marks,
    price_notes,
)
from costs.scale import Scale
from costs.subtotals import subtotals
from costs.tables import Row, aligned, amounts, billed

_WIDTH = 100  # of a note; the table is as wide as its widest line
_EMPTY = ("",) * 5


def bill_text(
    bill: Bill, title: str, tags: Sequence[str] = (), section: Sequence[str] = ()
) -> str:
    """Return the bill: the biggest first, assumptions below, the total last.

    By each of `tags` it is added up as well. Before the total stands `section`.
    """
    rows: list[Row] = [("", "at minimum", "expected", "at maximum", "rests on")]
    for stage, lines in grouped(bill.lines, by_stage):
        rows.append((stage or "(no stage)", *_total(lines), ""))
        for stack, stack_lines in grouped(lines, by_stack):
            rows.append((f"  {stack}", *_total(stack_lines), ""))
            rows += _resources(stack_lines, marks(bill.lines))
        rows.append(_EMPTY)
    for title_, members in subtotals(bill, tags):
        rows.append((title_, *_EMPTY[1:]))
        rows += [(f"  {name}", *amounts(monthly), "") for name, monthly in members]
        rows.append(_EMPTY)
    name = "TOTAL of the bill" if section else "TOTAL"
    *table, total = aligned([*rows, (name, *_total(bill.lines), "")])
    heading = f"{title}: USD a month of {HOURS} h"
    below = [
        *_wrapped(free_note(bill.lines)),
        *notes(bill.lines, bill, energy_notes(bill)),
    ]
    more = ["", *section] if section else [""]
    budgets = [line for note in budget_notes(bill.budgets) for line in _wrapped(note)]
    return "\n".join([heading, "", *table, *below, *more, *budgets, total, ""])


def notes(
    lines: Sequence[Line], bill: Bill, energy: Sequence[str], *, lettered: bool = True
) -> list[str]:
    """Return what the figures of some of a bill's lines rest on.

    `lettered`: by letters, to which the lines refer.
    """
    found = [*price_notes(lines, bill.regions, bill.today), *energy]
    if letters := assumption_notes(lines, bill.usage, lettered=lettered):
        found += ["", "Assumptions:", *(f"  {note}" for note in letters)]
    return [line for note in found for line in _wrapped(note)]


def _wrapped(note: str) -> list[str]:
    return textwrap.wrap(note, _WIDTH, subsequent_indent="     ") or [""]


def _total(lines: Sequence[Line]) -> tuple[str, str, str]:
    return amounts(Scale.total(line.monthly for line in lines))


def _resources(lines: Sequence[Line], letters: dict[str, str]) -> Iterator[Row]:
    """Yield a row for each priced resource, and one for each of its charges."""
    for line in biggest_first(line for line in lines if not line.is_free):
        title = f"    {line.path}: {line.estimate.detail}"
        yield (title, *amounts(line.monthly), "")
        for charge in line.estimate.biggest_first:
            text, rests_on = f"      {billed(charge)}", marked(charge, letters)
            yield (text, *amounts(charge.monthly), rests_on)
