"""Which task reads what: a function of what is listed, so that nobody has to be asked.

An object is parts of as many bytes each, and a line belongs to the part that it begins
in: a task finds its first line by itself, and nothing is read to share out the rest. What
is compressed cannot be entered in its middle, and is one part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from containers.batch.objects import Found

LEAST_BYTES = 4 << 20  # what an interruption loses: half a minute of short texts
MOST_PARTS = 10_000  # of plain text: some hundred listings, and a penny of requests


@dataclass(frozen=True)
class Part:
    """The lines of one object that begin at `start` or after it, and before `end`."""

    number: int
    source: Found
    start: int
    end: int

    @property
    def name(self) -> str:
        """Names sort as the input does."""
        return f"part-{self.number:06}"


def fitting(sources: Sequence[Found]) -> int:
    """Return bytes of a part: few enough parts to list, each small enough to lose."""
    total = sum(each.size_bytes for each in sources if not each.is_zipped)
    return max(LEAST_BYTES, -(-total // MOST_PARTS))


def parts(sources: Sequence[Found], size: int) -> Iterator[Part]:
    """Yield every part of the objects, in their order, numbered from 0."""
    number = 0
    for source in sources:
        step = source.size_bytes if source.is_zipped else size
        for start in range(0, source.size_bytes, step):
            yield Part(number, source, start, min(start + step, source.size_bytes))
            number += 1


def digest(sources: Sequence[Found]) -> str:
    """Return what tells these objects from others, and from themselves after a change."""
    text = "".join(
        f"{each.address.key}\n{each.size_bytes}\n{each.tag}\n" for each in sources
    )
    return hashlib.sha256(text.encode()).hexdigest()
