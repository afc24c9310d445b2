"""Many instances at once: each chunk of them on a thread of its own, in their order."""

from __future__ import annotations

import os
import sys
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from werkzeug.exceptions import BadRequest

from containers.flask.engine import Engine, load_engine, padded
from containers.flask.task import Encoded, Item, Task, load_task
from manifest import Manifest

ROWS = 64  # a run, at least: whole eights, and so few that no call seems to be alone
_SWITCH_S = 0.0005
_AHEAD = 2  # chunks a thread that are taken before the oldest is answered

Answer = dict[str, Any]
Chunk = TypeVar("Chunk")
Found = TypeVar("Found")


class Bulk:
    """Answers instances by the chunk; safe to call from any thread.

    Task and engine are the server's, and no row of an engine depends on another: an
    answer is the one that the instance gets alone, bit for bit.
    """

    def __init__(self, task: Task, engine: Engine, lengths: Sequence[int]) -> None:
        self._task = task
        self._engine = engine
        self._lengths = lengths

    def answer(self, instances: Sequence[Any]) -> list[Answer | BadRequest]:
        """Return for each instance, in their order, its answer or why it has none."""
        read = [self._read(instance) for instance in instances]
        items = iter(self._encode([item for item in read if isinstance(item, Item)]))
        encoded = [next(items) if isinstance(item, Item) else item for item in read]
        good = [each for each in encoded if isinstance(each, Encoded)]
        outputs = iter(self._run([row for each in good for row in each.rows]))
        return [
            dict(self._task.answer(each, [next(outputs) for _ in each.rows]))
            if isinstance(each, Encoded)
            else each
            for each in encoded
        ]

    def _read(self, instance: Any) -> Item | BadRequest:
        if isinstance(instance, BadRequest):  # what was wrong with it before
            return instance
        try:
            return self._task.read(instance, "instance")
        except BadRequest as error:
            return error

    def _encode(self, items: Sequence[Item]) -> Sequence[Encoded | BadRequest]:
        try:
            return self._task.encode(items)
        except BadRequest:  # one of them is too long: find out which
            return [self._encode_one(item) for item in items]

    def _encode_one(self, item: Item) -> Encoded | BadRequest:
        try:
            (encoded,) = self._task.encode([item])
        except BadRequest as error:
            return error
        return encoded

    def _run(self, rows: Sequence[list[int]]) -> list[NDArray[np.float32]]:
        """Return each row's output; rows of one length run together."""
        outputs = [np.empty(0, np.float32)] * len(rows)
        for length, places in self._batches(rows):
            ids = padded([rows[place] for place in places], length)
            for place, output in zip(places, self._engine.run(ids), strict=True):
                outputs[place] = output
        return outputs

    def _batches(self, rows: Sequence[list[int]]) -> Iterator[tuple[int, list[int]]]:
        buckets: dict[int, list[int]] = defaultdict(list)
        for place, row in enumerate(rows):
            length = self._lengths[bisect_left(self._lengths, len(row))]
            buckets[length].append(place)
        for length, places in buckets.items():
            size = max(ROWS, self._engine.batch_tokens // length)
            for start in range(0, len(places), size):
                yield length, places[start : start + size]


def load_bulk(manifest: Manifest, directory: Path, *, threads: int) -> Bulk:
    """Load an artifact's task and engine, for so many threads that answer chunks.

    Raises StartError.
    """
    # A chunk has a thread, and tokenizes on it: more threads would only meet there.
    os.environ |= {"TOKENIZERS_PARALLELISM": "false"}
    # So long may a thread that comes back from the engine wait for one that parses.
    sys.setswitchinterval(_SWITCH_S)
    engine = load_engine(manifest, directory, threads)
    return Bulk(load_task(manifest, directory), engine, manifest.lengths)


def in_order(
    function: Callable[[Chunk], Found], chunks: Iterable[Chunk], *, threads: int
) -> Iterator[Found]:
    """Yield function(chunk) for each chunk, in their order, computed by `threads`.

    A few chunks for each thread are held at once, however many there are.
    """
    waiting: deque[Future[Found]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="bulk")
    try:
        for chunk in chunks:
            waiting.append(pool.submit(function, chunk))
            if len(waiting) > _AHEAD * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
