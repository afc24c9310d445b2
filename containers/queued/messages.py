"""The queues: messages that are held, extended while somebody works, deleted or buried."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

MOST_A_CALL = 10  # messages, of each of SQS's calls
REASON = "reason"  # attribute of a dead letter
_REASON_CHARACTERS = 1000


@dataclass(frozen=True)
class Message:
    """Equal only to itself: a message that comes again has another receipt."""

    receipt: str
    body: str
    received: int  # how often, this time among them


class Queue:
    """One SQS queue; safe to call from any thread. Raises what boto3 raises."""

    def __init__(self, client: Any, url: str, *, visibility_seconds: int = 60) -> None:
        """`visibility_seconds`: until a message that nobody extends comes again."""
        self._client = client
        self._url = url
        self.visibility_seconds = visibility_seconds

    def send(self, body: str) -> None:
        self._client.send_message(QueueUrl=self._url, MessageBody=body)

    def receive(
        self, most: int = MOST_A_CALL, *, wait_seconds: int = 0
    ) -> list[Message]:
        """Wait for messages, and hide them from others for the visibility's time."""
        answer = self._client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=min(most, MOST_A_CALL),
            WaitTimeSeconds=wait_seconds,
            VisibilityTimeout=self.visibility_seconds,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        return [_message(raw) for raw in answer.get("Messages", ())]

    def extend(self, messages: Sequence[Message], seconds: int | None = None) -> None:
        """Hide messages for so long from now on; 0 seconds gives them to others."""
        seconds = self.visibility_seconds if seconds is None else seconds
        for some in _tens(messages):
            entries = [
                {**entry, "VisibilityTimeout": seconds} for entry in _entries(some)
            ]
            self._client.change_message_visibility_batch(
                QueueUrl=self._url, Entries=entries
            )

    def delete(self, messages: Sequence[Message]) -> None:
        """Delete; one that SQS does not delete comes again, and is found answered."""
        for some in _tens(messages):
            self._client.delete_message_batch(
                QueueUrl=self._url, Entries=_entries(some)
            )

    def put_back(self, message: Message) -> None:
        """Send it as if it were new: it was received for nothing, and is no suspect."""
        self.send(message.body)
        self.delete([message])


class DeadLetters:
    """Where messages end that nobody can answer, each with the reason."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def bury(self, message: Message, reason: str) -> None:
        said = {"DataType": "String", "StringValue": reason[:_REASON_CHARACTERS]}
        self._client.send_message(
            QueueUrl=self._url,
            MessageBody=message.body,
            MessageAttributes={REASON: said},
        )


class Heartbeat:
    """Keeps messages hidden as long as they are held.

    A beat that fails is made up for by the next one. If none succeeds in time,
    somebody else gets the message too, which costs work and no answer.
    """

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._held: dict[str, Message] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._beat, name="heartbeat", daemon=True
        )
        self._thread.start()

    def hold(self, messages: Sequence[Message]) -> None:
        with self._lock:
            self._held |= {message.receipt: message for message in messages}

    def release(self, messages: Sequence[Message]) -> None:
        with self._lock:
            for message in messages:
                self._held.pop(message.receipt, None)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._stop.wait(self._queue.visibility_seconds / 3):
            with self._lock:
                held = list(self._held.values())
            for some in _tens(held):
                try:
                    self._queue.extend(some)
                except (BotoCoreError, ClientError):
                    continue


def _message(raw: dict[str, Any]) -> Message:
    received = int(raw.get("Attributes", {}).get("ApproximateReceiveCount", "1"))
    return Message(raw["ReceiptHandle"], raw["Body"], received)


def _tens(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    for start in range(0, len(messages), MOST_A_CALL):
        yield messages[start : start + MOST_A_CALL]


def _entries(messages: Sequence[Message]) -> list[dict[str, Any]]:
    return [
        {"Id": str(place), "ReceiptHandle": message.receipt}
        for place, message in enumerate(messages)
    ]
