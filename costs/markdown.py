"""Bills and differences for a pull request: what fits a screen, details folded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from costs.bill import Bill, Line, biggest_first, grouped
from costs.charges import HOURS
from costs.diff import Difference
from costs.diff_text import SIGNS, details, figures, free, unchanged
from costs.notes import assumption_notes, free_note, marked, marks, price_notes
from costs.scale import Scale
from costs.tables import Row, amounts, billed, markdown

_DIFF = ("", "min before", "min after", "change", "max before", "max after", "change")


def bill_markdown(bill: Bill, title: str) -> str:
    """Return a table of stacks, and under it each stack's resources, folded."""
    rows: list[Row] = []
    for stage, lines in grouped(bill.lines, "stage"):
        rows.append(_bold(stage or "(no stage)", _total(lines)))
        rows += [
            (stack, *_total(stack_lines))
            for stack, stack_lines in grouped(lines, "stack")
        ]
    if any(line.model for line in bill.lines):
        rows += [
            (f"model {model}" if model else "shared by models", *_total(lines))
            for model, lines in grouped(bill.lines, "model")
        ]
    rows.append(_bold("Total", amounts(bill.monthly)))
    text = [
        f"### {title}: ${' to '.join(dict.fromkeys(amounts(bill.monthly)))} a month",
        "",
        *markdown(("Stack", "at minimum", "at maximum"), rows),
        "",
        *_folded("Every priced resource", _resources(bill)),
        *_notes(bill.lines, bill),
    ]
    return "\n".join(text)


def diff_markdown(found: Difference, title: str) -> str:
    """Return the changes as a table, headed by what they add up to."""
    rows: list[Row] = [
        (
            f"{SIGNS[change.kind]} {change.stack}: {change.path}: "
            + " ".join(details(change)),
            *figures(change.before_monthly, change.after_monthly),
        )
        for change in found.changes
    ]
    rows.append((unchanged(found), *figures(found.kept, found.kept)))
    total = figures(found.before.monthly, found.after.monthly)
    rows.append(_bold("Total", total))
    lines = [
        f"### {title}: {' to '.join(dict.fromkeys((total[2], total[5])))} USD",
        "",
        *markdown(_DIFF, rows),
        "",
        *(note.strip() + "\n" for note in free(found)),
        *_notes(found.changed_lines, found.after),
    ]
    return "\n".join(lines)


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
    header = ("Resource", "Charge", "at minimum", "at maximum", "rests on")
    return markdown(header, rows, words=2)


def _notes(lines: Sequence[Line], bill: Bill) -> list[str]:
    notes = price_notes(lines, bill.regions) + assumption_notes(lines, bill.usage)
    notes.append(free_note(bill.lines))
    summary = f"Assumptions (USD, a month of {HOURS} h)"
    return _folded(summary, [f"- {note}" for note in notes])


def _folded(summary: str, body: Sequence[str]) -> list[str]:
    head = f"<details><summary>{summary}</summary>"
    return [head, "", *body, "", "</details>", ""]


def _bold(title: str, cells: Sequence[str]) -> Row:
    return tuple(f"**{cell}**" for cell in (title, *cells))


def _total(lines: Iterable[Line]) -> tuple[str, str]:
    return amounts(Scale.total(line.monthly for line in lines))
