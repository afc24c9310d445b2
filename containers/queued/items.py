"""Messages with instances: many are held, and answered together."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from werkzeug.exceptions import BadRequest

from containers.flask.bulk import Answer, Bulk
from containers.flask.log import event
from containers.queued.messages import MOST_A_CALL, Heartbeat, Message, Queue
from containers.queued.settlement import (
    DOWN,
    MOST_RECEIVED,
    PAUSE_S,
    SUSPECT,
    Held,
    Settlement,
)
from containers.queued.store import Store
from containers.queued.submission import Outcome, UnreadableError, read_submission

CHUNK_INSTANCES = 512  # a thread's share of what waits, at most
WAITING = 200  # messages that are taken before those at hand are answered
WRITERS = 16  # S3 takes some 25 ms for each outcome, and 16 at a time as well


class Items:
    """Works off one queue until it is told to stop.

    One thread receives, `cores` answer, others write. A free thread never waits for a
    batch to fill; while all are busy what arrives is grouped, and one engine call has
    rows of many messages. A message that comes for the third time is answered alone:
    if it is what ends the worker, it takes no other with it.
    """

    def __init__(
        self,
        queue: Queue,
        heartbeat: Heartbeat,
        settlement: Settlement,
        *,
        store: Store,
        bulk: Bulk,
        identity: Mapping[str, str],
        cores: int,
    ) -> None:
        """`identity`: model and version, as they stand in every answer."""
        self._queue, self._heartbeat = queue, heartbeat
        self._settlement, self._store, self._bulk = settlement, store, bulk
        self._identity, self._cores = identity, cores
        self._waiting: deque[Held] = deque()
        self._changed = threading.Condition()
        self._unsettled = 0  # held by a thread that answers or writes
        self._is_closed = False
        self._writers = ThreadPoolExecutor(WRITERS, thread_name_prefix="writer")

    def run(self, stop: threading.Event, *, wait_seconds: int) -> None:
        """Return once `stop` is set and what was begun is ended; the rest is given back.

        `wait_seconds`: how long the queue is asked to wait for a message, at a time.
        """
        threads = [
            threading.Thread(target=self._work, name=f"engine-{number}")
            for number in range(self._cores)
        ]
        for thread in threads:
            thread.start()
        while not stop.is_set():
            self._receive(stop, wait_seconds)
        self._close()
        for thread in threads:
            thread.join()
        self._writers.shutdown()

    def _receive(self, stop: threading.Event, wait_seconds: int) -> None:
        with self._changed:
            while len(self._waiting) >= WAITING and not stop.is_set():
                self._changed.wait(PAUSE_S)
        try:
            messages = self._queue.receive(wait_seconds=wait_seconds)
        except DOWN as error:
            event("warning", "cannot receive", exception=type(error).__qualname__)
            stop.wait(PAUSE_S)
            return
        self._heartbeat.hold(messages)
        held = [each for message in messages if (each := self._read(message))]
        self._put([each for each in held if each.message.received <= SUSPECT])
        suspects = [each for each in held if each.message.received > SUSPECT]
        for suspect in sorted(suspects, key=lambda each: each.message.received):
            self._until_settled()
            self._put([suspect])
        if suspects:
            self._until_settled()

    def _read(self, message: Message) -> Held | None:
        """Return what is to be answered; end or leave what is not."""
        try:
            submission = read_submission(message.body)
            if submission.instances is None and submission.source is None:
                kept = self._store.submission(submission.id)
                if kept is None:
                    self._settlement.drop([message])
                    return None
                submission = kept
        except UnreadableError as error:
            self._settlement.bury(message, None, str(error))
            return None
        except DOWN:
            self._settlement.leave([message], seconds=self._queue.visibility_seconds)
            return None
        if submission.is_over(datetime.now(UTC)):
            self._settlement.drop([message])
        elif (
            submission.instances is None or submission.model != self._identity["model"]
        ):
            self._settlement.bury(message, submission, "message: in the wrong queue")
        elif message.received > MOST_RECEIVED:
            why = f"received {MOST_RECEIVED} times, and never answered"
            self._settlement.bury(message, submission, why)
        else:
            return Held(message, submission)
        return None

    def _put(self, held: Sequence[Held]) -> None:
        with self._changed:
            self._waiting += held
            self._changed.notify_all()

    def _until_settled(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and not self._unsettled)

    def _close(self) -> None:
        with self._changed:
            self._is_closed = True
            left = [held.message for held in self._waiting]
            self._waiting.clear()
            self._changed.notify_all()
        self._settlement.leave(left)

    def _work(self) -> None:
        while chunk := self._take():
            try:
                found = self._answer(chunk)
            except Exception as error:  # whatever it is, the others go on
                found = []
                self._set_apart(chunk, error)
            self._done(len(chunk) - len(found))
            # In tens: they are deleted so, and the first need not wait for the last.
            for some in _tens(found):
                self._writers.submit(self._write, some)

    def _take(self) -> list[Held]:
        """Wait for messages and take a thread's share; nothing once closed."""
        with self._changed:
            while not self._waiting and not self._is_closed:
                self._changed.wait()
            share, taken = math.ceil(len(self._waiting) / self._cores), list[Held]()
            instances = 0
            while self._waiting and len(taken) < share and instances < CHUNK_INSTANCES:
                taken.append(self._waiting.popleft())
                instances += len(taken[-1].submission.instances or ())
            self._unsettled += len(taken)
            self._changed.notify_all()
            return taken

    def _answer(self, chunk: Sequence[Held]) -> list[tuple[Held, Outcome]]:
        instances = [each for held in chunk for each in held.submission.instances or ()]
        answers = iter(self._bulk.answer(instances))
        return [
            (held, self._outcome(held, islice(answers, _count(held)))) for held in chunk
        ]

    def _outcome(self, held: Held, answers: Iterator[Answer | BadRequest]) -> Outcome:
        """As `:predict` would: one instance that is wrong, and nothing is answered."""
        predictions: list[Any] = []
        wrong = None
        for place, answer in enumerate(answers):
            if isinstance(answer, BadRequest):
                said = (answer.description or "").removeprefix("instance")
                wrong = wrong or f"instances[{place}]{said}"
            else:
                predictions.append(answer)
        id_ = held.submission.id
        if wrong:
            return Outcome(id_, "failed", {"error": wrong, **self._identity})
        return Outcome(id_, "done", {"predictions": predictions, **self._identity})

    def _set_apart(self, chunk: Sequence[Held], error: Exception) -> None:
        """Find out which message it is: each comes again, and then alone."""
        # Its text may quote what a client sent: only the type is logged.
        event("error", "a batch failed", exception=type(error).__qualname__)
        for held in chunk:
            if len(chunk) == 1 and held.message.received > SUSPECT:
                why = f"{type(error).__qualname__} while it was answered"
                self._settlement.bury(held.message, held.submission, why)
            else:
                self._settlement.leave([held.message])

    def _write(self, found: Sequence[tuple[Held, Outcome]]) -> None:
        try:
            self._settlement.settle(found)
        finally:
            self._done(len(found))

    def _done(self, count: int) -> None:
        with self._changed:
            self._unsettled -= count
            self._changed.notify_all()


def _count(held: Held) -> int:
    return len(held.submission.instances or ())


def _tens(
    found: Sequence[tuple[Held, Outcome]],
) -> Iterator[Sequence[tuple[Held, Outcome]]]:
    for start in range(0, len(found), MOST_A_CALL):
        yield found[start : start + MOST_A_CALL]
