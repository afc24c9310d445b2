"""A bill added up by endpoint, by model and by tag."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from costs.bill import Bill, by_tag, grouped
from costs.scale import Scale

Members = Sequence[tuple[str, Scale]]  # name, USD a month


def subtotals(bill: Bill, tags: Sequence[str]) -> Iterator[tuple[str, Members]]:
    """Yield a title and its members, each of which adds up to the whole bill.

    Endpoints and models are there if the bill has any, tags if they are asked for.
    """
    if bill.endpoints:
        yield "by endpoint", _endpoints(bill)
    if any(line.model for line in bill.lines):
        yield "by model", _named(bill, "model", "(shared)")
    for tag in tags:
        yield f"by tag {tag}", _named(bill, tag, "(not tagged)")


def tags_of(bill: Bill) -> Sequence[str]:
    """Return every tag that some resource of the bill carries."""
    return sorted({tag for line in bill.lines for tag in line.tags})


def _endpoints(bill: Bill) -> Members:
    own = {endpoint.stack for endpoint in bill.endpoints}
    rest = Scale.total(line.monthly for line in bill.lines if line.stack not in own)
    found = [(endpoint.name, endpoint.monthly) for endpoint in bill.endpoints]
    return [*found, ("(all else)", rest)]


def _named(bill: Bill, tag: str, without: str) -> Members:
    return [
        (name or without, Scale.total(line.monthly for line in lines))
        for name, lines in grouped(bill.lines, by_tag(tag))
    ]
