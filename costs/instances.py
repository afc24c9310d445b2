"""The EC2 instance types that a pool may list: what each has, where and when read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from manifest import Architecture

TABLE = Path(__file__).parent / "instance_types.json"


class InstanceError(ValueError):
    """An instance type that nobody has looked up."""


@dataclass(frozen=True)
class InstanceType:
    """One row of `instance_types.json`."""

    name: str
    vcpu: int
    memory_gib: int  # of the machine: its system and agent take a part of it
    architecture: Architecture
    gpus: int
    gpu: str | None  # "t4", "a10g", "l4"; None without one
    gpu_memory_mib: int  # of each
    source: str
    as_of: str

    @property
    def family(self) -> str:
        """ "g5" of g5.xlarge."""
        return self.name.partition(".")[0]


def instance_type(name: str) -> InstanceType:
    """Return the row of a type; InstanceError names it and the types there are."""
    if name not in (types := instance_types()):
        known = ", ".join(types)
        raise InstanceError(f"instance type {name} is not in {TABLE.name}: {known}")
    return types[name]


@cache
def instance_types() -> Mapping[str, InstanceType]:
    """Return all rows by name, in the order of the file."""
    rows = json.loads(TABLE.read_text(encoding="utf-8"))
    return {row["name"]: InstanceType(**row) for row in rows}
