"""Moves dead letters back to the queues that they came from."""

from __future__ import annotations

from dataclasses import dataclass

from containers.queued.messages import Queue
from containers.queued.store import Store
from containers.queued.submission import UnreadableError, read_submission


@dataclass
class Redriven:
    items: int = 0
    references: int = 0
    unreadable: int = 0  # left where they are
    done: int = 0  # answered meanwhile, and so removed


def redrive(
    dead_letters: Queue, *, items: Queue, references: Queue, store: Store, most: int
) -> Redriven:
    """Have up to `most` submissions answered after all; from pending to an outcome again.

    A failure is forgotten, then the message is sent, then the dead letter deleted: after
    a crash in between the same command goes on. Raises what boto3 raises.
    """
    found = Redriven()
    while found.items + found.references < most:
        left = most - found.items - found.references
        if not (messages := dead_letters.receive(left)):
            break
        for message in messages:
            try:
                submission = read_submission(message.body)
            except UnreadableError:
                found.unreadable += 1
                continue
            outcome = store.outcome(submission.id)
            if outcome is not None and outcome.state == "done":
                found.done += 1
            else:
                store.reopen(submission.id)
                queue = references if submission.source else items
                queue.send(message.body)
                found.references += submission.source is not None
                found.items += submission.source is None
            dead_letters.delete([message])
    return found
