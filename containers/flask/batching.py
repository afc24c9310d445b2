"""Rows that wait together run together: one queue, one thread a core."""

from __future__ import annotations

import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from containers.flask.engine import Engine, padded

Outputs = list[NDArray[np.float32]]  # one array a row
Done = Callable[[Outputs | Exception], None]

ENGINE_NICENESS = 10
_LEARNING = 0.05  # weight of the newest batch in the running cost of a token


class DeadlineError(Exception):
    """A request's own deadline passed before its turn came."""


class Ticket:
    """The rows of one request, from the queue to the answer."""

    __slots__ = (
        "_missing",
        "_outputs",
        "deadline",
        "done",
        "has_begun",
        "is_open",
        "rows",
    )

    def __init__(self, rows: int, deadline: float, done: Done) -> None:
        self._outputs: list[NDArray[np.float32] | None] = [None] * rows
        self.rows: list[_Row] = []
        self._missing = rows
        self.deadline = deadline
        self.done = done
        self.is_open = True
        self.has_begun = False

    def put(self, place: int, output: NDArray[np.float32]) -> None:
        self._outputs[place] = output
        self._missing -= 1
        if not self._missing:
            self.close([output for output in self._outputs if output is not None])

    def close(self, result: Outputs | Exception) -> None:
        if self.is_open:
            self.is_open = False
            self.done(result)


class _Row:
    __slots__ = ("arrived", "ids", "is_waiting", "number", "place", "ticket")

    def __init__(self, ids: list[int], ticket: Ticket, place: int, number: int) -> None:
        self.ids = ids
        self.ticket = ticket
        self.place = place
        self.number = number
        self.is_waiting = True
        self.arrived = time.perf_counter()


class Batcher:
    """Gives waiting rows to an engine, a batch a thread.

    Rows of one length bucket form a batch, up to the engine's `batch_tokens` with their
    padding; the row that waited longest says which bucket is next. A free thread never waits
    for a batch to fill, so an idle server adds no delay; while all threads are busy,
    what arrives is grouped. `submit`, `cancel` and the answers belong to one thread:
    the event loop's, where `call_soon` (call_soon_threadsafe) brings them.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        lengths: Sequence[int],
        threads: int,
        call_soon: Callable[..., Any],
        observe: Callable[[int, int, int, float], None],
    ) -> None:
        """`observe(rows, tokens, padded, cpu_seconds)` is told of every batch that ran."""
        self._engine = engine
        self._waiting: dict[int, deque[_Row]] = {length: deque() for length in lengths}
        self._threads = threads
        self._max_tokens = engine.batch_tokens
        self._call_soon = call_soon
        self._observe = observe
        self._changed = threading.Condition(threading.Lock())
        self._idle = 0
        self._is_closed = False
        self._number = 0
        self._queued_tokens = 0
        self._queued_rows = 0
        self._running_tokens = 0
        self._seconds_a_token = self._time_a_token(max(lengths))
        for number in range(threads):
            name = f"engine-{number}"
            threading.Thread(target=self._work, name=name, daemon=True).start()

    @property
    def queued_rows(self) -> int:
        """Rows that no thread has taken yet."""
        return self._queued_rows

    @property
    def wait_seconds(self) -> float:
        """How long a row that came now would wait, by the recent cost of a token.

        What runs is half done, on average; a free thread would take the row at once.
        """
        if not self._queued_tokens and self._idle:
            return 0.0
        tokens = self._queued_tokens + self._running_tokens / 2
        return tokens * self._seconds_a_token / self._threads

    def submit(self, rows: Sequence[list[int]], deadline: float, done: Done) -> Ticket:
        """Queue one request's rows of token ids, each no longer than the last bucket.

        `done` is called once, unless the ticket is cancelled: with one output a row in
        their order, with DeadlineError if `deadline` (time.monotonic) passed before
        the first row's turn, or with what the engine raised.
        """
        ticket = Ticket(len(rows), deadline, done)
        with self._changed:
            for place, ids in enumerate(rows):
                row = _Row(ids, ticket, place, self._number)
                self._number += 1
                length = self._bucket(len(ids))
                self._waiting[length].append(row)
                self._queued_tokens += length
                ticket.rows.append(row)
            self._queued_rows += len(rows)
            if self._idle:
                self._changed.notify(min(self._idle, len(rows)))
        return ticket

    def cancel(self, ticket: Ticket) -> None:
        """Free the ticket's place in the queue; its `done` is not called any more."""
        ticket.is_open = False
        with self._changed:
            self._withdraw(ticket)

    def close(self) -> None:
        """End the threads once the batches that run have run."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _bucket(self, tokens: int) -> int:
        for length in self._waiting:
            if tokens <= length:
                return length
        raise ValueError(f"a row of {tokens} tokens is longer than any bucket")

    def _withdraw(self, ticket: Ticket) -> None:
        for row in ticket.rows:
            if row.is_waiting:
                self._leave(row, self._bucket(len(row.ids)))

    def _leave(self, row: _Row, length: int) -> None:
        row.is_waiting = False
        self._queued_tokens -= length
        self._queued_rows -= 1

    def _work(self) -> None:
        # The loop's thread takes a core from these at once: it is brief, and waited for.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), ENGINE_NICENESS)
        free_at = 0.0
        while (taken := self._take()) is not None:
            length, rows = taken
            ids = padded([row.ids for row in rows], length)
            started, cpu = max(free_at, rows[0].arrived), time.thread_time()
            outputs: NDArray[np.float32] | Exception
            try:
                outputs = self._engine.run(ids)
            except Exception as error:  # whatever it is, someone waits to be told
                outputs = error
            cpu, free_at = time.thread_time() - cpu, time.perf_counter()
            self._call_soon(
                self._deliver, rows, outputs, ids.size, free_at - started, cpu
            )

    def _take(self) -> tuple[int, list[_Row]] | None:
        """Wait for rows and take a batch; None once closed."""
        with self._changed:
            while not self._is_closed:
                if rows := self._next():
                    return rows
                self._idle += 1
                self._changed.wait()
                self._idle -= 1
        return None

    def _next(self) -> tuple[int, list[_Row]] | None:
        while heads := [
            (rows[0].number, length) for length, rows in self._waiting.items() if rows
        ]:
            length = min(heads)[1]
            waiting = self._waiting[length]
            # A fair share, so that the other threads get something to do as well.
            share = math.ceil(len(waiting) / self._threads)
            wanted = max(1, min(share, self._max_tokens // length))
            batch: list[_Row] = []
            while waiting and len(batch) < wanted:
                row = waiting.popleft()
                if not row.is_waiting:
                    continue
                ticket = row.ticket
                if not ticket.has_begun and ticket.deadline < time.monotonic():
                    self._withdraw(ticket)
                    self._call_soon(ticket.close, DeadlineError())
                    continue
                ticket.has_begun = True
                self._leave(row, length)
                batch.append(row)
            if batch:
                self._running_tokens += length * len(batch)
                return length, batch
        return None

    def _deliver(
        self,
        rows: list[_Row],
        outputs: NDArray[np.float32] | Exception,
        padded: int,
        seconds: float,
        cpu_seconds: float,
    ) -> None:
        with self._changed:
            self._running_tokens -= padded
        cost = seconds / padded
        self._seconds_a_token += _LEARNING * (cost - self._seconds_a_token)
        tokens = sum(len(row.ids) for row in rows)
        self._observe(len(rows), tokens, padded, cpu_seconds)
        if isinstance(outputs, Exception):
            for row in rows:
                row.ticket.close(outputs)
            return
        for row, output in zip(rows, outputs, strict=True):
            if row.ticket.is_open:
                row.ticket.put(row.place, output)

    def _time_a_token(self, length: int) -> float:
        """Time one row: the first estimate, before any request has been served."""
        started = time.perf_counter()
        self._engine.run(np.ones((1, length), np.int32))
        return (time.perf_counter() - started) / length
