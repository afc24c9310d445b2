"""What a change of an assembly does to its bill."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from costs.bill import Bill, Line
from costs.endpoints import EndpointChange, endpoint_changes
from costs.scale import Scale

_NOTHING = Scale.always(0.0)


@dataclass(frozen=True)
class Change:
    """One resource before and after; None on the side where it is not."""

    before: Line | None
    after: Line | None

    @property
    def kind(self) -> Literal["added", "removed", "changed"]:
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"

    @property
    def before_monthly(self) -> Scale:
        return self.before.monthly if self.before else _NOTHING

    @property
    def after_monthly(self) -> Scale:
        return self.after.monthly if self.after else _NOTHING

    @property
    def monthly(self) -> Scale:
        return self.after_monthly - self.before_monthly

    @property
    def stage(self) -> str:
        return self.sides[-1].stage

    @property
    def stack(self) -> str:
        return self.sides[-1].stack

    @property
    def path(self) -> str:
        return self.sides[-1].path

    @property
    def sides(self) -> tuple[Line, ...]:
        """The lines there are, one or two, the newest last."""
        return tuple(line for line in (self.before, self.after) if line)


@dataclass(frozen=True)
class Difference:
    """Two bills and what lies between them, the largest change first."""

    before: Bill
    after: Bill
    changes: tuple[Change, ...]  # of resources that cost money on either side
    unchanged: tuple[Line, ...]  # priced, and the same on both sides
    free_added: int
    free_removed: int
    endpoints: tuple[EndpointChange, ...] = ()  # whose release or cost is another

    @property
    def monthly(self) -> Scale:
        return self.after.monthly - self.before.monthly

    @property
    def kept(self) -> Scale:
        """USD a month of all that is unchanged."""
        return Scale.total(line.monthly for line in self.unchanged)

    @property
    def changed_lines(self) -> tuple[Line, ...]:
        return tuple(line for change in self.changes for line in change.sides)


def difference(before: Bill, after: Bill) -> Difference:
    """Compare two bills resource by resource.

    A resource is the same one if its stack and construct path are, or, where a
    construct moved, its stack and logical id.
    """
    pairs = tuple(_pairs(before.lines, after.lines))
    changes, unchanged = [], []
    for old, new in pairs:
        if all(line is None or line.is_free for line in (old, new)):
            continue
        if old and new and old.estimate == new.estimate:
            unchanged.append(new)
        else:
            changes.append(Change(old, new))
    return Difference(
        before,
        after,
        tuple(sorted(changes, key=_largest_first)),
        tuple(unchanged),
        free_added=sum(
            old is None and new is not None and new.is_free for old, new in pairs
        ),
        free_removed=sum(
            new is None and old is not None and old.is_free for old, new in pairs
        ),
        endpoints=endpoint_changes(before.endpoints, after.endpoints),
    )


def over(
    found: Difference, *, usd: float | None = None, percent: float | None = None
) -> Iterator[str]:
    """Yield why a change is dearer than a bound allows, at the scale where it is most.

    `usd` a month, and `percent` of what was paid before: where nothing was, any
    addition is above any percentage.
    """
    most = found.monthly.largest
    if usd is not None and most > usd:
        allowed = f"above the {usd:g} that --fail-above allows"
        yield f"{most:+,.2f} USD a month, {allowed}"
    added = Scale.of(_percent, found.before.monthly, found.after.monthly).largest
    if percent is not None and added > percent:
        allowed = f"above the {percent:g} % that --fail-above-pct allows"
        share = f"{added:+,.1f} %" if math.isfinite(added) else "more than nothing"
        yield f"{share}, {allowed}"


def _percent(before: float, after: float) -> float:
    if before:
        return 100 * (after / before - 1)
    return math.inf if after else 0.0


def _pairs(
    before: tuple[Line, ...], after: tuple[Line, ...]
) -> Iterator[tuple[Line | None, Line | None]]:
    by_path = {(line.stack, line.path): line for line in before}
    by_id = {(line.stack, line.logical_id): line for line in before}
    paths = {(line.stack, line.path) for line in after}
    kept: set[tuple[str, str]] = set()
    for new in after:
        old = by_path.get((new.stack, new.path))
        if old is None:
            moved = by_id.get((new.stack, new.logical_id))
            stays = moved is not None and (moved.stack, moved.path) in paths
            old = None if stays else moved
        if old:
            kept.add((old.stack, old.logical_id))
        yield old, new
    for old in before:
        if (old.stack, old.logical_id) not in kept:
            yield old, None


def _largest_first(change: Change) -> tuple[float, float, float, str, str]:
    low, middle, high = map(abs, change.monthly.ends)
    return (-middle, -high, -low, change.stack, change.path)
