"""Messages that name an object of JSON lines: one at a time, part by part."""

from __future__ import annotations

import io
import threading
from collections.abc import Mapping
from datetime import UTC, datetime

from botocore.exceptions import ClientError

from containers.flask.bulk import Bulk, in_order
from containers.flask.lines import Lines, read_chunks
from containers.flask.log import event
from containers.object_streams import ObjectReader
from containers.queued.messages import Heartbeat, Message, Queue
from containers.queued.parts import BLOCK_BYTES, Parts, PartsGoneError
from containers.queued.settlement import (
    DOWN,
    MOST_RECEIVED,
    PAUSE_S,
    SUSPECT,
    Held,
    Settlement,
)
from containers.queued.store import Store, code_of
from containers.queued.submission import (
    Outcome,
    Source,
    Submission,
    UnreadableError,
    read_submission,
)

PART_BYTES = 4 << 20  # what a kill may lose: half a minute of short texts
ID_FIELD = "id"
_GONE = {"404", "NoSuchKey", "NotFound"}
_CHANGED = {"412", "PreconditionFailed"}


class References:
    """Works off the queue of references, beside the one of items, until told to stop.

    A line is answered as `python -m batch` does, with the same memory whatever the
    object's size. Parts that are answered stay answered, whoever goes on after a kill.
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
        part_bytes: int = PART_BYTES,
    ) -> None:
        self._queue, self._heartbeat = queue, heartbeat
        self._settlement, self._store = settlement, store
        self._lines = Lines(bulk, ID_FIELD)
        self._identity, self._cores = identity, cores
        self._part_bytes = part_bytes

    def run(self, stop: threading.Event, *, wait_seconds: int) -> None:
        """Return once `stop` is set; a source that is not done is left to go on with."""
        while not stop.is_set():
            try:
                messages = self._queue.receive(1, wait_seconds=wait_seconds)
            except DOWN as error:
                event("warning", "cannot receive", exception=type(error).__qualname__)
                stop.wait(PAUSE_S)
                continue
            self._heartbeat.hold(messages)
            for message in messages:
                self._handle(message, stop)

    def _handle(self, message: Message, stop: threading.Event) -> None:
        try:
            submission = read_submission(message.body)
        except UnreadableError as error:
            return self._settlement.bury(message, None, str(error))
        source = submission.source
        if submission.is_over(datetime.now(UTC)):
            return self._settlement.drop([message])
        if source is None or submission.model != self._identity["model"]:
            why = "message: in the wrong queue"
            return self._settlement.bury(message, submission, why)
        if message.received > MOST_RECEIVED:
            why = f"received {MOST_RECEIVED} times, and never answered"
            return self._settlement.bury(message, submission, why)
        try:
            self._answer(message, submission, source, stop)
        except DOWN as error:
            # Within a minute it comes again, and goes on where this was.
            event("warning", "a source waits", exception=type(error).__qualname__)
            self._settlement.leave([message], seconds=self._queue.visibility_seconds)
        except Exception as error:  # its text may quote a client
            name = type(error).__qualname__
            event("error", "a source failed", exception=name)
            if message.received > SUSPECT:
                why = f"{name} while it was answered"
                self._settlement.bury(message, submission, why)
            else:
                self._settlement.leave([message])

    def _answer(
        self,
        message: Message,
        submission: Submission,
        source: Source,
        stop: threading.Event,
    ) -> None:
        parts = Parts(self._store, submission.id, self._identity["version"])
        held = Held(message, submission)
        if self._store.outcome(submission.id) is None:
            try:
                if not self._answer_parts(parts, source, stop):
                    return self._put_back(message)
            except ClientError as error:
                why = _lost(source, error)
                failed = Outcome(submission.id, "failed", {"error": why or ""})
                if not why:
                    raise
                self._settlement.settle([(held, failed)])
                return None
            told = {"lines": parts.reached.lines, "error_lines": parts.reached.errors}
            try:
                places = parts.join()
            except PartsGoneError:
                if self._store.outcome(submission.id) is None:
                    raise
                places = {}
        else:
            parts.resume()
            told, places = {}, {}
        done = Outcome(submission.id, "done", {**places, **told, **self._identity})
        if self._settlement.settle([(held, done)]):
            parts.remove()
        return None

    def _answer_parts(
        self, parts: Parts, source: Source, stop: threading.Event
    ) -> bool:
        """Answer what no part has; False if `stop` came first."""
        reached = parts.resume()
        if reached.is_whole:
            return True
        reader = ObjectReader(
            self._store.client,
            bucket=source.bucket,
            key=source.key,
            etag=source.etag,
            offset=reached.end,
        )
        chunks = read_chunks(
            io.BufferedReader(reader, BLOCK_BYTES),
            part_bytes=self._part_bytes,
            offset=reached.end,
            first=reached.lines + 1,
        )
        for answered in in_order(self._lines.answer, chunks, threads=self._cores):
            parts.add(answered)
            if stop.is_set() and not parts.reached.is_whole:
                return False
        return True

    def _put_back(self, message: Message) -> None:
        """As if new: that this worker was stopped says nothing against the source."""
        self._heartbeat.release([message])
        try:
            self._queue.put_back(message)
        except DOWN as error:
            event("warning", "not put back", exception=type(error).__qualname__)


def _lost(source: Source, error: ClientError) -> str | None:
    """Say that the source is not there to be read, if that is what went wrong."""
    if code_of(error) in _CHANGED:
        return f"source: {source}: was changed after it was submitted"
    if code_of(error) in _GONE:
        return f"source: {source}: no such object any more"
    return None
