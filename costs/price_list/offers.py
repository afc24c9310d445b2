"""What AWS calls the items of our price books: in its Price List and in its reports.

The table is `offers.toml`, for people to read; this makes values of its lines.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from costs.instances import instance_types

TABLE = Path(__file__).parent / "offers.toml"

_BARE = "us-east-1"  # the region whose usage types often go without its prefix
_EACH_TYPE = "*"


@dataclass(frozen=True)
class Offer:
    """One line of `offers.toml`."""

    service: str
    item: str
    code: str  # of the service, as the Price List and reports name it
    usage: tuple[str, ...]  # usage types, without the region
    unit: str
    where: tuple[tuple[str, str], ...] = ()  # attributes of the product
    per: float = 1.0  # of the list's units make one of ours
    billed: tuple[str, ...] = ()
    listed: bool = True
    explorer: tuple[str, ...] = ()  # names of the service in Cost Explorer


@cache
def offers() -> tuple[Offer, ...]:
    """Return every line, those of an instance type among them."""
    return tuple(_offers(tomllib.loads(TABLE.read_text(encoding="utf-8"))))


@cache
def prefixes() -> Mapping[str, str]:
    """Return the prefix of usage types by region, "EUC1" of eu-central-1."""
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    found: dict[str, str] = table["prefixes"]
    return found


def usage_names(usage: str, region: str) -> tuple[str, ...]:
    """Return how AWS may write a usage type in a region's files."""
    names = [f"{prefixes()[region]}-{usage}", f"{region}-{usage}"]
    return tuple([*names, usage] if region == _BARE else names)


@cache
def bare_usage(name: str) -> str:
    """Return a usage type without its region: LCUUsage of EUC1-LCUUsage."""
    for region, prefix in prefixes().items():
        for start in (f"{prefix}-", f"{region}-"):
            if name.startswith(start):
                return name.removeprefix(start)
    return name


def _offers(table: Mapping[str, Any]) -> Iterator[Offer]:
    for service, body in table["services"].items():
        for item, line in body["items"].items():
            for name in instance_types() if item == _EACH_TYPE else (item,):
                yield _offer(service, name, body, line)


def _offer(
    service: str, item: str, body: Mapping[str, Any], line: Mapping[str, Any]
) -> Offer:
    return Offer(
        service,
        item,
        body["offer"],
        tuple(usage.replace(_EACH_TYPE, item) for usage in line["usage"]),
        line["unit"],
        tuple(line.get("where", {}).items()),
        float(line.get("per", 1)),
        tuple(line.get("billed", ())),
        line.get("listed", True),
        tuple(body["explorer"]),
    )
