"""What the answers below an address are made from: written once, then compared."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from containers.batch.objects import Address, ObjectError, Objects
from containers.batch.plan import Part, digest, fitting, parts
from manifest import Manifest


@dataclass(frozen=True)
class Run:
    """What decides every byte of the output, and how many parts it is."""

    source: str
    source_digest: str
    source_bytes: int
    model: str
    version: str
    id_field: str
    part_bytes: int
    parts: int


def begin(
    objects: Objects,
    source: Address,
    out: Address,
    *,
    manifest: Manifest,
    id_field: str,
    part_bytes: int | None = None,
) -> list[Part]:
    """Return all parts of a run whose record is written, or is the same already.

    Parts are of `part_bytes`, or of as many as fit. Raises ObjectError, also where
    another run has begun there.
    """
    if f"{out}/".startswith(f"{str(source).rstrip('/')}/"):
        raise ObjectError(f"{out}: lies in the input, and would be read as such")
    found = objects.list(source)
    size = part_bytes or fitting(found)
    every = list(parts(found, size))
    run = Run(
        source=str(source),
        source_digest=digest(found),
        source_bytes=sum(each.size_bytes for each in found),
        model=manifest.name,
        version=manifest.version,
        id_field=id_field,
        part_bytes=size,
        parts=len(every),
    )
    record = out / "run.json"
    if not objects.write_json(record, asdict(run), first=True):
        _check_same(record, objects.read_json(record), run)
    return every


def _check_same(record: Address, found: Any, run: Run) -> None:
    for each in fields(Run):
        before = found.get(each.name) if isinstance(found, dict) else None
        now = getattr(run, each.name)
        if before != now:
            raise ObjectError(
                f"{record}: {each.name} was {before!r}, is {now!r}: give another output, "
                "or remove what is there"
            )
