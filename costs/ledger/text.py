"""Estimate and report side by side: for a terminal, a pull request, machines."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from costs.ledger.actuals import Actuals, Comparison
from costs.scale import ENDS, Scale
from costs.tables import Row, aligned, dollars, markdown

SCHEMA = 1
_WIDTH = 100
_HEADER = ("billed", "at minimum", "expected", "at maximum")
_UNMATCHED_SHOWN = 20


def actuals_text(found: Actuals, title: str) -> str:
    """Return what was billed and estimated, what is off below it, the rest last."""
    rows: list[Row] = [("", *_HEADER)]
    for (month, group), lines in _groups(found):
        rows.append((_heading(found, month, group), *_totals(lines)))
        for each in lines:
            rows.append((f"  {_name(each)}", *_figures(each)))
    return "\n".join(
        [
            f"{title}: USD",
            "",
            *aligned(rows),
            "",
            *_wrapped(_findings(found)),
            *_wrapped(_rest(found)),
            *_wrapped(_notes(found)),
            "",
        ]
    )


def actuals_markdown(found: Actuals, title: str) -> str:
    """Return the groups' sums and what is off; each line of them is folded."""
    sums, lines_ = [], []
    for (month, group), lines in _groups(found):
        sums.append((_heading(found, month, group), *_totals(lines)))
        lines_ += [(month, group, _name(each), *_figures(each)) for each in lines]
    header = ("Month", found.by, "What", *_HEADER)
    return "\n".join(
        [
            f"### {title}",
            "",
            *markdown(("USD", *_HEADER), sums),
            "",
            *_listed(_findings(found)),
            "",
            "<details><summary>Every line</summary>",
            "",
            *markdown(header, lines_, words=3),
            "",
            *_listed([*_rest(found), *_notes(found)]),
            "",
            "</details>",
            "",
        ]
    )


def actuals_json(found: Actuals) -> str:
    record = {
        "by": found.by,
        "comparisons": [_record(each) for each in found.comparisons],
        "months": {month: round(share, 4) for month, share in found.months.items()},
        "schema": SCHEMA,
        "tagged": found.report.tagged,
        "unmatched": [
            {
                "amount": round(spent.amount, 6),
                "billed_usd": round(spent.usd, 4),
                "group": entry.group,
                "kind": entry.kind,
                "month": entry.month,
                "product": entry.product,
                "usage": entry.usage,
            }
            for entry, spent in found.unmatched
        ],
    }
    return json.dumps(record, indent=2, sort_keys=True) + "\n"


def _record(each: Comparison) -> dict[str, object]:
    return {
        "billed_usd": round(each.billed, 4),
        "estimated_usd": _scale(each.estimated),
        "expected": each.expected and _scale(each.expected),
        "findings": list(each.findings),
        "group": each.group,
        "month": each.month,
        "product": each.thing.code,
        "resource": each.resource,
        "unit": each.thing.unit,
        "usage": each.thing.usage,
        "used": None if each.used is None else round(each.used, 6),
        "what": each.thing.name,
    }


def _scale(figure: Scale) -> dict[str, float]:
    return {end: round(value, 4) for end, value in zip(ENDS, figure.ends, strict=True)}


def _groups(
    found: Actuals,
) -> Iterator[tuple[tuple[str, str], Sequence[Comparison]]]:
    for key, lines in groupby(found.comparisons, lambda each: (each.month, each.group)):
        yield key, list(lines)


def _heading(found: Actuals, month: str, group: str) -> str:
    if not found.report.tagged:
        return f"{month}, all of the report"
    return f"{month}, {found.by} {group}" if group else f"{month}, without a {found.by}"


def _name(each: Comparison) -> str:
    return f"{each.resource}: {each.thing.name}" if each.resource else each.thing.name


def _figures(each: Comparison) -> Row:
    return (dollars(each.billed), *map(dollars, each.estimated.ends))


def _totals(lines: Iterable[Comparison]) -> Row:
    lines = list(lines)
    estimated = Scale.total(each.estimated for each in lines)
    billed = sum(each.billed for each in lines)
    return (dollars(billed), *map(dollars, estimated.ends))


def _wrapped(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield from textwrap.wrap(line, _WIDTH, subsequent_indent="    ") or [""]


def _listed(lines: Sequence[str]) -> Iterator[str]:
    """Yield headings as they are, and what stands under them as a list."""
    for line in lines:
        yield f"- {line.strip()}" if line.startswith(" ") else line


def _findings(found: Actuals) -> list[str]:
    lines = [
        f"  {_heading(found, each.month, each.group)}: {_name(each)}: {finding}"
        for each in found.comparisons
        for finding in each.findings
    ]
    return ["What is off:", "", *lines, ""] if lines else ["Nothing is off.", ""]


def _rest(found: Actuals) -> list[str]:
    """Return the largest lines that no bill of ours has, and the sum of the others."""
    if not found.unmatched:
        return []
    shown = found.unmatched[:_UNMATCHED_SHOWN]
    lines = [
        f"  {entry.month} {entry.group or '-'} {entry.kind} {entry.product}"
        f" {entry.usage}: {dollars(spent.usd)}"
        for entry, spent in shown
    ]
    hidden = found.unmatched[_UNMATCHED_SHOWN:]
    if hidden:
        usd = dollars(sum(spent.usd for _, spent in hidden))
        lines.append(f"  and {len(hidden)} more: {usd}; --json has all")
    total = dollars(sum(spent.usd for _, spent in found.unmatched))
    return [f"In the report, but in no bill of ours: {total}", "", *lines, ""]


def _notes(found: Actuals) -> list[str]:
    notes = [
        f"{month}: the report covers {share:.0%} of the month, and so does the estimate"
        for month, share in found.months.items()
        if share < 1
    ]
    if not found.report.tagged:
        notes.append(
            f"No line carries the tag {found.by!r}: activate it as a cost allocation tag"
        )
    if not found.report.amounts:
        notes.append("The report has dollars only, so quantities are not compared")
    return notes
