"""One request for predictions, between what it asks and its answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from containers.flask.batching import Batcher, Outputs, Ticket
from containers.flask.cache import AnswerCache, Directive
from containers.flask.task import Encoded, Task

Done = Callable[[bytes | Exception], None]


@dataclass(frozen=True)
class Model:
    """A loaded model: what turns instances into rows, and what runs the rows."""

    task: Task
    batcher: Batcher


@dataclass(frozen=True)
class Asked:
    """What a body asks, in either protocol, and how its answer is written."""

    instances: Sequence[Any]
    shape: Callable[[list[bytes]], bytes]  # predictions as JSON -> the answer's body


class Job:
    """Looks each instance up, queues what is missing, puts the answers in their order."""

    def __init__(
        self,
        model: Model,
        cache: AnswerCache,
        asked: Asked,
        *,
        count: Callable[[int, int], None],
    ) -> None:
        """Raise BadRequest naming the instance; `count` is told hits and misses."""
        self._task = model.task
        self._batcher = model.batcher
        self._cache = cache
        self._shape = asked.shape
        self._count = count
        self._items = [
            model.task.read(instance, f"instances[{place}]")
            for place, instance in enumerate(asked.instances)
        ]
        self._found: list[bytes | None] = [None] * len(self._items)
        self._keys: list[bytes] = []
        self._ticket: Ticket | None = None
        self._search: asyncio.Task[None] | None = None

    def begin(self, directive: Directive, deadline: float, done: Done) -> None:
        """Start; `done` gets the body or what went wrong, once, unless cancelled."""
        cache = self._cache
        if cache.is_on and directive.write:
            self._keys = [cache.key(*item) for item in self._items]
        if not (self._keys and directive.read):
            self._queue(deadline, done)
            return
        self._found = [cache.get(key) for key in self._keys]
        if cache.shared is not None and None in self._found:
            self._search = asyncio.create_task(self._find(deadline, done))
            return
        self._count_hits()
        self._queue(deadline, done)

    def cancel(self) -> None:
        """Free the job's place, wherever it stands."""
        if self._search is not None:
            self._search.cancel()
        if self._ticket is not None:
            self._batcher.cancel(self._ticket)

    def _missing(self) -> list[int]:
        return [place for place, value in enumerate(self._found) if value is None]

    def _count_hits(self) -> None:
        missing = len(self._missing())
        self._count(len(self._items) - missing, missing)

    async def _find(self, deadline: float, done: Done) -> None:
        places = self._missing()
        values = await self._cache.find([self._keys[place] for place in places])
        for place, value in zip(places, values, strict=True):
            self._found[place] = value
        self._count_hits()
        try:
            self._queue(deadline, done)
        except Exception as error:  # nobody awaits this task
            done(error)

    def _queue(self, deadline: float, done: Done) -> None:
        places = self._missing()
        if not places:
            done(self._body())
            return
        missing = self._task.encode([self._items[place] for place in places])

        def answered(outputs: Outputs | Exception) -> None:
            if isinstance(outputs, Exception):
                done(outputs)
                return
            rest = iter(outputs)
            for place, encoded in zip(places, missing, strict=True):
                self._put(place, encoded, [next(rest) for _ in encoded.rows])
            done(self._body())

        rows = [row for encoded in missing for row in encoded.rows]
        self._ticket = self._batcher.submit(rows, deadline, answered)

    def _put(self, place: int, encoded: Encoded, outputs: Outputs) -> None:
        answer = self._task.answer(encoded, outputs)
        value = json.dumps(answer, separators=(",", ":")).encode()
        self._found[place] = value
        if self._keys:
            self._cache.put(self._keys[place], value)

    def _body(self) -> bytes:
        return self._shape([value for value in self._found if value is not None])
