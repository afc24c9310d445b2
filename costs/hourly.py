"""What one running task costs an hour on demand: what a dashboard counts with.

The one thing that `stacks` takes from the price book; a bill prices templates.
"""

from __future__ import annotations

from collections.abc import Sequence

from costs.book import PriceBook, PriceError, read_book, regions
from costs.instances import instance_type
from manifest import Architecture

_FARGATE: dict[Architecture, str] = {"x86_64": "x86", "arm64": "ARM"}


def fargate_dollars(
    region: str, *, vcpu: float, memory_mib: int, architecture: Architecture
) -> float | None:
    """USD an hour of a task on Fargate, None where no book of the region has it."""
    book = _book(region)
    if book is None:
        return None
    sold = _FARGATE[architecture]
    cpu = book.price("Fargate", f"vCPU {sold}").usd
    memory = book.price("Fargate", f"memory {sold}").usd
    return vcpu * cpu + memory_mib / 1024 * memory


def instance_dollars(
    region: str, types: Sequence[str], *, vcpu: float, memory_mib: int, gpus: int
) -> float | None:
    """USD an hour of a task's share of an instance, of the type where it is dearest.

    The share is that of what it takes most of, for the rest is of use to nobody else.
    None where no book of the region has all the types.
    """
    book = _book(region)
    if book is None:
        return None
    try:
        prices = {name: book.price("EC2", name).usd for name in types}
    except PriceError:
        return None
    return max(
        price * _share(name, vcpu=vcpu, memory_mib=memory_mib, gpus=gpus)
        for name, price in prices.items()
    )


def _share(name: str, *, vcpu: float, memory_mib: int, gpus: int) -> float:
    kind = instance_type(name)
    shares = [vcpu / kind.vcpu, memory_mib / 1024 / kind.memory_gib]
    if kind.gpus:
        shares.append(gpus / kind.gpus)
    return min(1.0, max(shares))


def _book(region: str) -> PriceBook | None:
    return read_book(region) if region in regions() else None
