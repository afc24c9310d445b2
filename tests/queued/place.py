"""An endpoint's bucket and queues on a real API on loopback, and what asks and answers."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from multiprocessing.context import ForkServerProcess
from typing import Any

from containers.queued.door import Door, Terms
from containers.queued.messages import Queue
from containers.queued.references import PART_BYTES
from containers.queued.settings import Settings
from containers.queued.store import Store
from containers.queued.worker import stop_on_signals, work
from rehearsal.account import Account
from tests.containers.conftest import TINY

MODEL = "tiny-sentiment"
SUBMIT = f"/v1/models/{MODEL}:submit"
PATIENCE_S = 60  # of a busy machine

# Children are forked of one that has imported what they need.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__, "containers.flask.litert"])


@dataclass(frozen=True)
class Fault:
    """A worker's last act: before or after the nth call of an operation."""

    when: str  # "before-call" or "after-call"
    service: str
    operation: str
    nth: int = 1
    key: str = ""  # of S3: only calls whose key ends so


@dataclass(frozen=True)
class Place:
    account: Account
    settings: Settings

    @property
    def sqs(self) -> Any:
        return self.account.client("sqs")

    @property
    def s3(self) -> Any:
        return self.account.client("s3")

    @property
    def store(self) -> Store:
        return Store(self.s3, self.settings.bucket)

    def queue(self, url: str) -> Queue:
        return Queue(self.sqs, url)

    def door(
        self, now: Callable[[], datetime] = lambda: datetime.now(UTC), **terms: Any
    ) -> Door:
        usual = Terms(MODEL, max_batch=8, expiry_days=7, webhooks=True, sources=())
        return Door(
            replace(usual, **terms),
            self.store,
            items=self.queue(self.settings.queue_url),
            references=self.queue(self.settings.references_url),
            now=now,
        )

    def submit(self, *instances: Any, **more: Any) -> str:
        status, _, told = submit(self.door(), {"instances": instances, **more})
        assert status == 202, told
        return str(told["id"])

    def refer(self, lines: bytes) -> str:
        """Put an object where callers may, and submit it."""
        self.s3.put_object(
            Bucket=self.settings.bucket, Key="inputs/in.jsonl", Body=lines
        )
        source = f"s3://{self.settings.bucket}/inputs/in.jsonl"
        status, _, told = submit(self.door(), {"source": source})
        assert status == 202, told
        return str(told["id"])

    def told(self, id_: str) -> dict[str, Any]:
        _, _, told = ask(self.door(), "GET", f"/v1/models/{MODEL}/submissions/{id_}")
        return told

    def outcome(self, id_: str) -> dict[str, Any]:
        """Wait until it is not pending any more."""
        until(lambda: self.told(id_)["state"] != "pending")
        return self.told(id_)

    def left(self, url: str) -> int:
        """Messages that a queue has, hidden or not."""
        names = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
        ]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return sum(map(int, found["Attributes"].values()))

    def is_empty(self) -> bool:
        urls = (self.settings.queue_url, self.settings.references_url)
        return not any(map(self.left, urls))

    def dead(self) -> list[dict[str, Any]]:
        """Receive the dead letters, for good."""
        url, found = self.settings.dead_letters_url, list[dict[str, Any]]()
        while raw := self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            found += raw
        return found

    def start(self, *faults: Fault, part_bytes: int = PART_BYTES) -> ForkServerProcess:
        """Start a worker process; with a fault it kills itself there."""
        given = (self.account, self.settings, faults, part_bytes)
        child = CONTEXT.Process(daemon=True, target=run_worker, args=given)
        child.start()
        return child


def run_worker(
    account: Account, settings: Settings, faults: Sequence[Fault], part_bytes: int
) -> None:
    def clients(service: str) -> Any:
        client = account.client(service)
        for fault in faults:
            if fault.service == service:
                _arm(client, fault)
        return client

    stop = stop_on_signals()
    given = {"clients": clients, "wait_seconds": 1, "part_bytes": part_bytes}
    work(TINY, settings, stop, **given)


def _arm(client: Any, fault: Fault) -> None:
    calls, asked = 0, threading.local()  # each writer's own

    def note(params: dict[str, Any], **_: Any) -> None:
        asked.key = str(params.get("Key", ""))

    def die(**_: Any) -> None:
        nonlocal calls
        calls += not fault.key or asked.key.endswith(fault.key)
        if calls == fault.nth:
            os.kill(os.getpid(), signal.SIGKILL)

    events = client.meta.events
    events.register(f"provide-client-params.{fault.service}.{fault.operation}", note)
    events.register(f"{fault.when}.{fault.service}.{fault.operation}", die)


def stop(child: ForkServerProcess) -> None:
    """As ECS stops a task; it must end by itself."""
    child.terminate()
    child.join(PATIENCE_S)
    assert child.exitcode == 0


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "nothing came of it"
        time.sleep(0.02)


def ask(
    door: Door, method: str, path: str, body: str = "", **headers: str
) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Return status, headers and JSON, as Lambda's URL would send them."""
    answer = door.handle(
        {
            "rawPath": path,
            "requestContext": {"http": {"method": method}},
            "headers": {name.replace("_", "-"): text for name, text in headers.items()},
            "body": body,
        }
    )
    return answer["statusCode"], answer["headers"], json.loads(answer["body"])


def submit(
    door: Door, body: Any, **headers: str
) -> tuple[int, dict[str, str], dict[str, Any]]:
    return ask(door, "POST", SUBMIT, json.dumps(body), **headers)
