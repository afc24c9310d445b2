"""What AWS billed: a Cost and Usage Report, or a table that Cost Explorer wrote.

Read are the columns of the legacy report (`lineItem/UsageType`), of CUR 2.0 and of
Athena's names for the legacy one (`line_item_usage_type`), and Cost Explorer's CSV of a
month or day a row. A file may be gzipped; it is read a line at a time and summed up, so
that hours and days take no room.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TextIO

from costs.price_list.offers import bare_usage

USED = ("Usage", "DiscountedUsage", "SavingsPlanCoveredUsage")  # kinds of lines

# Our name -> the legacy column and the one in snake case.
_COLUMNS = {
    "kind": ("lineItem/LineItemType", "line_item_line_item_type"),
    "start": ("lineItem/UsageStartDate", "line_item_usage_start_date"),
    "end": ("lineItem/UsageEndDate", "line_item_usage_end_date"),
    "product": ("lineItem/ProductCode", "line_item_product_code"),
    "usage": ("lineItem/UsageType", "line_item_usage_type"),
    "operation": ("lineItem/Operation", "line_item_operation"),
    "resource": ("lineItem/ResourceId", "line_item_resource_id"),
    "amount": ("lineItem/UsageAmount", "line_item_usage_amount"),
    "usd": ("lineItem/UnblendedCost", "line_item_unblended_cost"),
    "currency": ("lineItem/CurrencyCode", "line_item_currency_code"),
}
_NEEDED = ("start", "product", "usage", "amount", "usd")
_TAGS = ("resourceTags/user:", "resource_tags_user_")
_TAG_MAP = "resource_tags"  # of CUR 2.0: {"user_stage": "dev"}
_DOLLARS = "($)"
_TOTAL = "Total costs"
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_GZIP = b"\x1f\x8b"
_A_DAY = timedelta(days=1)
_YEARS = range(2000, 2100)
_MOST = 1e15  # dollars, bytes, requests


class ReportError(ValueError):
    """A report that cannot be read."""


@dataclass(frozen=True)
class Entry:
    """What lines of a report have in common; "" is what the report does not say."""

    month: str  # "2026-10"
    kind: str  # one of USED; "Tax", "Credit", ...
    product: str  # "AmazonECS"; in a table of Cost Explorer its name of the service
    usage: str  # type, without the region
    operation: str
    resource: str
    group: str  # value of the tag


@dataclass
class Spent:
    """The sum of an entry's lines."""

    usd: float = 0.0
    amount: float = 0.0  # in the unit of the Price List

    def add(self, other: Spent) -> None:
        self.usd += other.usd
        self.amount += other.amount


@dataclass
class Report:
    """A report's lines, summed up."""

    path: Path
    tag: str
    spent: dict[Entry, Spent] = field(default_factory=dict)
    tagged: bool = False  # whether any line carries the tag
    amounts: bool = True  # whether it tells how much was used, not only dollars
    _ends: dict[tuple[str, bool], datetime] = field(default_factory=dict)

    def add(
        self, entry: Entry, usd: float, amount: float, start: datetime, end: datetime
    ) -> None:
        self.spent.setdefault(entry, Spent()).add(Spent(usd, amount))
        self.tagged |= bool(entry.group)
        if entry.kind in USED:
            short = end - start <= _A_DAY
            key = (entry.month, short)
            self._ends[key] = max(self._ends.get(key, end), end)

    def covered(self, month: str) -> float:
        """Return the share of a month that the report is about.

        Hours and days tell it. What is charged by the month is there on its first day.
        """
        end = self._ends.get((month, True)) or self._ends.get((month, False))
        first = datetime.fromisoformat(f"{month}-01")
        whole = _after(first) - first
        return min((end - first) / whole, 1.0) if end else 1.0


def read_report(path: Path, tag: str) -> Report:
    """Read a report, summing up its lines by month, thing and value of a tag.

    Raises ReportError naming the file, the line, the column and its value.
    """
    report = Report(path, tag)
    try:
        with _text(path) as text:
            rows = csv.reader(text, strict=True)
            header = next(rows, [])
            if any(name in header for name in _COLUMNS["usage"]):
                _read_lines(rows, header, report)
            elif len(header) > 1 and header[-1] == f"{_TOTAL}{_DOLLARS}":
                _read_table(rows, header, report)
            else:
                raise ReportError(
                    "header: neither a Cost and Usage Report's (lineItem/UsageType or"
                    " line_item_usage_type) nor Cost Explorer's (Total costs($) at the end)"
                )
    except ReportError as error:
        raise ReportError(f"{path}: {error}") from None
    except FileNotFoundError:
        raise ReportError(f"{path}: no such file") from None
    except (OSError, EOFError, csv.Error, zlib.error, ValueError) as error:
        raise ReportError(f"{path}: cannot be read as CSV: {error}") from None
    if not report.spent:
        raise ReportError(f"{path}: has no lines")
    return report


@contextmanager
def _text(path: Path) -> Iterator[TextIO]:
    with path.open("rb") as raw:
        zipped = raw.peek(2)[:2] == _GZIP
        source = gzip.GzipFile(fileobj=raw) if zipped else raw
        with io.TextIOWrapper(source, encoding="utf-8-sig", newline="") as text:
            yield text


def _read_lines(
    rows: Iterator[list[str]], header: Sequence[str], report: Report
) -> None:
    places = {
        name: next((header.index(c) for c in columns if c in header), None)
        for name, columns in _COLUMNS.items()
    }
    if missing := [name for name in _NEEDED if places[name] is None]:
        wanted = ", ".join(_COLUMNS[name][0] for name in missing)
        raise ReportError(f"header: missing columns {wanted}")
    tag = _Tag(header, report.tag)
    for number, row in _numbered(rows, header):
        said = {name: row[place] for name, place in places.items() if place is not None}
        try:
            _add_line(said, tag.of(row), report)
        except ReportError as error:
            raise ReportError(f"line {number}: {error}") from None


def _numbered(
    rows: Iterator[list[str]], header: Sequence[str]
) -> Iterator[tuple[int, list[str]]]:
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise ReportError(
                f"line {number}: {len(row)} values for {len(header)} columns"
            )
        yield number, row


def _add_line(said: Mapping[str, str], group: str, report: Report) -> None:
    if said.get("currency", "USD") not in ("", "USD"):
        raise ReportError(f"{_column('currency')}: {said['currency']!r} is not 'USD'")
    start = _time(said, "start")
    end = _time(said, "end") if said.get("end") else start + _A_DAY
    if end < start:
        raise ReportError(f"{_column('end')}: {said['end']!r} is before the start")
    entry = Entry(
        f"{start:%Y-%m}",
        said.get("kind") or USED[0],
        said["product"],
        bare_usage(said["usage"]),
        said.get("operation", ""),
        said.get("resource", ""),
        group,
    )
    report.add(entry, _number(said, "usd"), _number(said, "amount"), start, end)


def _read_table(
    rows: Iterator[list[str]], header: Sequence[str], report: Report
) -> None:
    """Read a row for each month or day, a column for each service or value of a tag."""
    report.amounts = False
    by_service = header[0] == "Service"
    names = [name.removesuffix(_DOLLARS) for name in header]
    days: dict[datetime, list[str]] = {}
    for number, row in _numbered(rows, header):
        if _DAY.fullmatch(row[0]):
            day = _day(row[0], number)
            if day in days:
                raise ReportError(f"line {number}: {row[0]} is there twice")
            days[day] = row
    daily = any(day.day > 1 for day in days)
    for day, row in days.items():
        end = day + _A_DAY if daily else _after(day)
        for name, value in zip(names[1:], row[1:], strict=True):
            if name == _TOTAL or not value:
                continue
            group = "" if by_service or name.startswith("No tag key") else name
            product = name if by_service else ""
            entry = Entry(f"{day:%Y-%m}", USED[0], product, "", "", "", group)
            report.add(entry, _number({name: value}, name), 0.0, day, end)


class _Tag:
    """Where a report says a tag's value."""

    def __init__(self, header: Sequence[str], tag: str) -> None:
        snake = tag.replace("-", "_")
        names = (f"{_TAGS[0]}{tag}", f"{_TAGS[1]}{snake}")
        self._own = next((header.index(name) for name in names if name in header), None)
        self._map = header.index(_TAG_MAP) if _TAG_MAP in header else None
        self._keys = (f"user_{snake}", f"user:{tag}", tag)

    def of(self, row: Sequence[str]) -> str:
        if self._own is not None:
            return row[self._own]
        if self._map is None or not row[self._map]:
            return ""
        try:
            tags: Mapping[str, str] = dict(json.loads(row[self._map]))
        except (ValueError, TypeError, RecursionError):
            raise ReportError(
                f"{_TAG_MAP}: {row[self._map]!r} is no JSON table"
            ) from None
        return next((str(tags[key]) for key in self._keys if key in tags), "")


def _day(text: str, line: int) -> datetime:
    try:
        return _moment(text)
    except ValueError:
        raise ReportError(f"line {line}: {_no_date(text)}") from None


def _time(said: Mapping[str, str], name: str) -> datetime:
    try:
        return _moment(said[name])
    except ValueError:
        raise ReportError(f"{_column(name)}: {_no_date(said[name])}") from None


def _no_date(text: str) -> str:
    return f"{text[:40]!r} is no date from {_YEARS[0]} to {_YEARS[-1]}"


@lru_cache
def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text).replace(tzinfo=None)
    if found.year not in _YEARS:
        raise ValueError(text)
    return found


def _number(said: Mapping[str, str], name: str) -> float:
    try:
        figure = float(said[name] or 0)
    except ValueError:
        figure = math.nan
    if not abs(figure) <= _MOST:
        text = f"{said[name][:40]!r} is not a number within {_MOST:g}"
        raise ReportError(f"{_column(name)}: {text}")
    return figure


def _column(name: str) -> str:
    return _COLUMNS[name][0] if name in _COLUMNS else name


def _after(day: datetime) -> datetime:
    """Return the first day of the next month."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
