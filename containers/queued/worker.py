"""A worker process: the serving image with another command."""

from __future__ import annotations

import gc
import signal
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from containers.flask import log
from containers.flask.artifact import open_artifact
from containers.flask.bulk import load_bulk
from containers.flask.cores import usable_cores
from containers.queued.items import WRITERS, Items
from containers.queued.messages import DeadLetters, Heartbeat, Queue
from containers.queued.notices import Notices
from containers.queued.references import PART_BYTES, References
from containers.queued.settings import Settings
from containers.queued.settlement import Settlement
from containers.queued.store import Store

WAIT_SECONDS = 10  # that an empty queue is asked to wait; a stop waits for it too

# Half a minute without SQS or S3 is waited out below; longer, and the message waits.
AWS = Config(
    connect_timeout=5,
    read_timeout=WAIT_SECONDS + 10,
    max_pool_connections=2 * WRITERS,
    retries={"mode": "standard", "total_max_attempts": 4},
)

Clients = Callable[[str], Any]  # "s3", "sqs" or "sns" -> boto3's client


def connect(service: str) -> Any:
    return boto3.client(service, config=AWS)


def work(
    artifact: Path,
    settings: Settings,
    stop: threading.Event,
    *,
    clients: Clients = connect,
    wait_seconds: int = WAIT_SECONDS,
    part_bytes: int = PART_BYTES,
) -> None:
    """Answer what is submitted until `stop` is set, then end or return what is held.

    Raises StartError.
    """
    manifest, cores = open_artifact(artifact), usable_cores()
    bulk = load_bulk(manifest, artifact, threads=cores)
    sqs, sns = clients("sqs"), clients("sns") if settings.topic_arn else None
    store = Store(clients("s3"), settings.bucket)
    dead_letters = DeadLetters(sqs, settings.dead_letters_url)
    notices = Notices(
        manifest.name,
        sns=sns,
        topic_arn=settings.topic_arn,
        anywhere=settings.webhooks_anywhere,
    )
    common: dict[str, Any] = {
        "store": store,
        "bulk": bulk,
        "identity": {"model": manifest.name, "version": manifest.version},
        "cores": cores,
    }
    gc.freeze()  # what was loaded stays: no collection need look at it again
    log.event("info", "ready", model=manifest.name, version=manifest.version)

    def run(kind: type[Items] | type[References], url: str, **own: Any) -> None:
        queue = Queue(sqs, url, visibility_seconds=settings.visibility_seconds)
        with closing(Heartbeat(queue)) as heartbeat:
            settlement = Settlement(
                queue,
                heartbeat,
                store=store,
                dead_letters=dead_letters,
                notices=notices,
            )
            each = kind(queue, heartbeat, settlement, **common, **own)
            try:
                each.run(stop, wait_seconds=wait_seconds)
            finally:
                stop.set()  # one without the other is no worker: start anew

    references = threading.Thread(
        target=run,
        args=(References, settings.references_url),
        kwargs={"part_bytes": part_bytes},
        name="references",
    )
    references.start()
    run(Items, settings.queue_url)
    references.join()
    log.event("info", "stopped")
    log.flush()


def stop_on_signals() -> threading.Event:
    """Return what SIGTERM and SIGINT set."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
