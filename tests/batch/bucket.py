"""What tests put into buckets and find there."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from containers.batch.objects import Address, Objects

AnswerShares = Callable[..., list[str]]


def put(objects: Objects, address: Address, content: bytes) -> None:
    objects.write(address, iter([content]))


def content(objects: Objects, folder: Address) -> bytes:
    """All objects below an address in their order, one after the other."""
    return b"".join(objects.open(found).read() for found in objects.list(folder))


def rows(objects: Objects, folder: Address) -> list[Any]:
    return [json.loads(line) for line in content(objects, folder).splitlines()]
