"""How far the tasks of a job are, by what they have written."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from batch.record import RefusedError
from containers.batch.objects import Address, Objects

_AT_ONCE = 16  # requests: each waits some ten milliseconds


@dataclass(frozen=True)
class State:
    out: str
    model: str
    version: str
    parts: int
    parts_done: int
    lines: int  # of the parts that are done
    errors: int
    seconds: float  # that tasks have worked on them, all together

    @property
    def is_whole(self) -> bool:
        return 0 < self.parts == self.parts_done

    @property
    def text(self) -> str:
        if not self.parts:
            return "no task has begun"
        rate = (
            f", {self.lines / self.seconds:,.0f} a second a task" if self.lines else ""
        )
        return (
            f"{self.parts_done:,} of {self.parts:,} parts, {self.lines:,} lines, "
            f"{self.errors:,} without an answer{rate}"
        )


NOTHING = State("", "", "", 0, 0, 0, 0, 0.0)  # before the first task has begun


def read_state(
    objects: Objects, out: Address, known: dict[str, Any] | None = None
) -> State:
    """Return NOTHING where no task has begun; raises ObjectError, RefusedError.

    `known` are records of finished parts, which never change: those that are in it are
    not read, the others are added.
    """
    known = {} if known is None else known
    record = objects.read_json(out / "run.json")
    if record is None:
        return NOTHING
    new = sorted(objects.names(out / "done") - known.keys())
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        read = pool.map(lambda name: objects.read_json(out / f"done/{name}"), new)
        known.update(zip(new, read, strict=True))
    done = known.values()
    try:
        return State(
            out=str(out),
            model=record["model"],
            version=record["version"],
            parts=record["parts"],
            parts_done=len(done),
            lines=sum(each["lines"] for each in done),
            errors=sum(each["error_lines"] for each in done),
            seconds=round(sum(each["seconds"] for each in done), 3),
        )
    except (KeyError, TypeError) as error:
        raise RefusedError(f"{out}: not what a job has written: {error}") from error
