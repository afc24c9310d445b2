"""Modes side by side: for a terminal, for a pull request, for machines."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import date

from costs.bill import Line
from costs.charges import HOURS, SECONDS
from costs.modes.comparison import Comparison, Envelope, Point, Way
from costs.notes import price_notes, prices_of
from costs.scale import number
from costs.tables import Row, aligned, dollars, markdown

SCHEMA = 1
_WIDTH = 100
_MACHINE = re.compile(r"Fargate[^,;]+|\d+ MB \w+")


def modes_text(found: Comparison, today: date | None = None) -> str:
    """Return what each mode costs and promises, and from which traffic on it is cheapest."""
    lines = [f"{_title(found)}: USD a month of {HOURS} h", "", *_table(found)]
    for title, body in (
        ("Answers within", _promises(found)),
        ("Rests on", _basis(found)),
    ):
        lines += [*_titled(title, body), ""]
    notes = [_left_out(found), *_prices(found, today)]
    lines += [line for each in notes for line in _wrapped(each, "", "     ")]
    return "\n".join([*lines, ""])


def modes_section(found: Comparison) -> list[str]:
    """Return what a bill as text has of it: the table, and which is cheapest."""
    return [f"{_title(found)}: USD a month", "", *_table(found)]


def modes_markdown_section(found: Comparison) -> list[str]:
    """Return what a bill as Markdown has of it."""
    header, *monthly = _monthly(found)
    return [
        f"**{_title(found)}: USD a month**",
        "",
        *markdown(header, [*monthly, *_millions(found)]),
        "",
        *(f"- {line}" for line in _cheapest(found)),
        "",
    ]


def modes_markdown(found: Comparison, today: date | None = None) -> str:
    """Return the same for a pull request, with what it rests on folded."""
    folded = [*_basis(found), _left_out(found), *_prices(found, today)]
    lines = [
        *modes_markdown_section(found),
        "Answers within:",
        "",
        *(f"- {line}" for line in _promises(found)),
        "",
        f"<details><summary>Assumptions (a month of {HOURS} h)</summary>",
        "",
        *(f"- {line}" for line in folded),
        "",
        "</details>",
        "",
    ]
    return "\n".join(lines)


def modes_json(found: Comparison, today: date | None = None) -> str:
    record = {
        "cheapest": [
            {
                "modes": list(each.modes),
                "patience": each.patience,
                "spans": [
                    {
                        "mode": span.mode,
                        "to_requests_a_month": span.to_requests,
                        "to_requests_a_second": span.to_requests
                        and span.to_requests / SECONDS,
                    }
                    for span in each.spans
                ],
            }
            for each in found.envelopes
        ],
        "currency": "USD",
        "hours": HOURS,
        "modes": {
            way.mode.name: {
                "answers_within": way.mode.promise(found.serving),
                "machine": _machine(way),
                "patience": way.mode.patience,
                "rests_on": way.mode.basis(found.serving),
            }
            for way in found.ways
        },
        "points": [
            {
                "monthly_usd": {k: round(usd, 6) for k, usd in point.monthly.items()},
                "requests_a_month": point.requests,
                "requests_a_second": point.requests / SECONDS,
            }
            for point in found.points
        ],
        "regions": list(found.shared.regions),
        "release": asdict(found.release),
        "schema": SCHEMA,
        "shared_monthly_usd": round(found.shared.monthly.expected, 6),
        "stage": found.stage,
        "stale_prices": [
            {"as_of": price.as_of, "item": price.item, "service": price.service}
            for price in prices_of(_lines(found))
            if today and price.is_stale(today)
        ],
    }
    return json.dumps(record, indent=2, sort_keys=True) + "\n"


def _table(found: Comparison) -> list[str]:
    (header, *monthly), millions = _monthly(found), _millions(found)
    table = aligned([header, *monthly, ("",) * len(header), *millions])
    return [*table, "", *_titled("Cheapest", _cheapest(found)), ""]


def _titled(title: str, body: Iterable[str]) -> list[str]:
    return [f"{title}:", *(line for each in body for line in _wrapped(each))]


def _title(found: Comparison) -> str:
    release = found.release
    where = f"{found.stage}, {', '.join(found.shared.regions)}"
    return f"{release.model} {release.variant} {release.version} by mode ({where})"


def _monthly(found: Comparison) -> Iterator[Row]:
    yield ("requests a month", *(f"{point.requests:,.0f}" for point in found.points))
    rates = (number(point.requests / SECONDS) for point in found.points)
    yield ("requests a second, steadily", *rates)
    for way in found.ways:
        name = way.mode.name
        yield (name, *(dollars(point.monthly[name]) for point in found.points))


def _millions(found: Comparison) -> Iterator[Row]:
    for way in found.ways:
        name = way.mode.name
        yield (f"{name}, a million", *(_million(p, name) for p in found.points))


def _million(point: Point, mode: str) -> str:
    usd = point.monthly[mode]
    return dollars(usd / point.requests * 1e6) if point.requests else ""


def _cheapest(found: Comparison) -> Iterator[str]:
    before: Envelope | None = None
    for each in found.envelopes:
        last = each.patience == found.envelopes[-1].patience
        waits = f"who waits {each.patience}{'' if last else ' at most'}"
        if before and each.spans == before.spans:
            (more,) = set(each.modes) - set(before.modes)
            yield f"{waits}: the same, {more} is nowhere the cheapest"
        else:
            yield f"{waits}: {_words(each)}"
        before = each


def _words(envelope: Envelope) -> str:
    """Return "below 1.9 requests a second (5 M a month) serverless, above it real-time"."""
    *ended, last = envelope.spans
    if not ended:
        alone = len(envelope.modes) == 1
        return f"{last.mode}{', the only one' if alone else ' at any traffic'}"
    parts = [f"below {_traffic(span.to_requests or 0)} {span.mode}" for span in ended]
    return ", ".join([", then ".join(parts), f"above it {last.mode}"])


def _traffic(requests: float) -> str:
    month = f"{requests / 1e6:.3g} M" if requests >= 1e6 else f"{requests:,.0f}"
    return f"{number(requests / SECONDS)} requests a second ({month} a month)"


def _promises(found: Comparison) -> Iterator[str]:
    for way in found.ways:
        yield f"{way.mode.name}: {way.mode.promise(found.serving)}"


def _basis(found: Comparison) -> Iterator[str]:
    for way in found.ways:
        yield f"{way.mode.name}, {_machine(way)}: {way.mode.basis(found.serving)}"
    yield (
        "steady traffic, one prediction a request; 0 is a month in which nobody calls,"
        " builds or deploys; all else is as `python -m costs usage` says"
    )
    yield f"the model was measured on {found.serving.hardware}"


def _machine(way: Way) -> str:
    """Return what answers, as the bill says it: "Fargate Spot 1 vCPU 2 GB x86"."""
    details = (
        match[0]
        for line in way.bill(0).lines
        if line.type == way.mode.runs_on
        and (match := _MACHINE.search(line.estimate.detail))
    )
    return next(details, way.mode.runs_on)


def _left_out(found: Comparison) -> str:
    shared = dollars(found.shared.monthly.expected)
    return (
        f"Left out, for it is there in any mode: {shared} a month as expected for the"
        " stage's network, cluster and budget"
    )


def _prices(found: Comparison, today: date | None) -> list[str]:
    return price_notes(_lines(found), found.shared.regions, today)


def _lines(found: Comparison) -> list[Line]:
    most = found.points[-1].requests
    return [line for way in found.ways for line in way.bill(most).lines]


def _wrapped(note: str, first: str = "  ", others: str = "    ") -> list[str]:
    return textwrap.wrap(
        note,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=others,
        break_on_hyphens=False,
    )
