"""How a message ends: answered, given back, or buried with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from containers.flask.log import event
from containers.queued.messages import DeadLetters, Heartbeat, Message, Queue
from containers.queued.notices import Notices
from containers.queued.store import Store
from containers.queued.submission import Outcome, Submission

# Times that a message may be held when its worker ends: of 20,000 that were submitted to
# workers killed every few seconds, one that ended nobody was held five times.
MOST_RECEIVED = 10
SUSPECT = 2  # times received: what comes again may be what ended the worker
PAUSE_S = 1.0  # while the queue is down

DOWN = (BotoCoreError, ClientError)


class Held(NamedTuple):
    """A message in hand, and what it asks."""

    message: Message
    submission: Submission


class Settlement:
    """Ends messages of one queue, in an order that loses none; from any thread.

    The outcome is written first, once for all, then told, and the message deleted last:
    after a crash in between it comes again, and its outcome stands already. Nothing is
    raised: what cannot be ended now is left to come again.
    """

    def __init__(
        self,
        queue: Queue,
        heartbeat: Heartbeat,
        *,
        store: Store,
        dead_letters: DeadLetters,
        notices: Notices,
    ) -> None:
        self._queue, self._heartbeat = queue, heartbeat
        self._store, self._dead_letters, self._notices = store, dead_letters, notices

    def settle(self, found: Sequence[tuple[Held, Outcome]]) -> bool:
        """Write each outcome; delete those that stand, from here or before.

        True if all stand.
        """
        ended = [held.message for held, outcome in found if self._write(held, outcome)]
        self._delete(ended)
        self._heartbeat.release([held.message for held, _ in found])
        return len(ended) == len(found)

    def bury(self, message: Message, submission: Submission | None, why: str) -> None:
        """End a message that nobody can answer: failed, and a dead letter.

        Unless an answer stands, and only the message's deletion went wrong.
        """
        try:
            if not (submission and self._is_done(submission, why)):
                self._dead_letters.bury(message, why)
                event("error", "buried", reason=why)
        except DOWN as error:
            _left(error)
        else:
            self._delete([message])
        self._heartbeat.release([message])

    def drop(self, messages: Sequence[Message]) -> None:
        """End messages that nobody asks about any more."""
        self._delete(messages)
        self._heartbeat.release(messages)

    def leave(self, messages: Sequence[Message], *, seconds: int = 0) -> None:
        """Give messages back, to whoever receives next after so long."""
        self._heartbeat.release(messages)
        try:
            self._queue.extend(messages, seconds)
        except DOWN as error:
            _left(error)

    def _is_done(self, submission: Submission, why: str) -> bool:
        failed = Outcome(submission.id, "failed", {"error": why})
        if not self._store.settle(failed):
            before = self._store.outcome(submission.id)
            return before is not None and before.state == "done"
        self._notices.tell(failed, submission.webhook)
        return False

    def _write(self, held: Held, outcome: Outcome) -> bool:
        submission = held.submission
        try:
            if not self._store.settle(outcome):
                # Who wrote it may have ended before it was told.
                outcome = self._store.outcome(submission.id) or outcome
            self._notices.tell(outcome, submission.webhook)
        except DOWN as error:
            _left(error)
            return False
        return True

    def _delete(self, messages: Sequence[Message]) -> None:
        try:
            self._queue.delete(messages)
        except DOWN as error:
            _left(error)


def _left(error: Exception) -> None:
    event("warning", "a message will come again", exception=type(error).__qualname__)
