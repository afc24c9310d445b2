"""A service over a model that labels each text with itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from containers.flask.app import create_app
from containers.flask.batching import Done
from containers.flask.cache import CacheSettings, open_cache
from containers.flask.door import Door, Limits
from containers.flask.instances import read_text
from containers.flask.job import Model
from containers.flask.log import RequestLog
from containers.flask.metrics import Metrics
from containers.flask.service import Service
from containers.flask.task import Encoded, Item
from manifest import Manifest

MODEL = "/v1/models/support-sentiment"
PREDICT = f"{MODEL}:predict"
INFER = "/v2/models/support-sentiment/infer"
IDENTITY = {"model": "support-sentiment", "version": "3f1c9a07be24"}


class Echo:
    """A task whose answer is the text itself."""

    def read(self, instance: Any, where: str) -> Item:
        if isinstance(instance, dict):
            return Item(read_text(instance.get("text"), f"{where}.text"))
        return Item(read_text(instance, where))

    def encode(self, items: Sequence[Item]) -> list[Encoded]:
        return [Encoded(item, [[1]]) for item in items]

    def answer(self, encoded: Encoded, outputs: Sequence[Any]) -> Mapping[str, Any]:
        return {"label": encoded.item.text, "score": 1.0}


@dataclass
class Queue:
    """A batcher that answers at once, or when it is told to."""

    wait_seconds: float = 0.0
    error: Exception | None = None
    holds: bool = False
    held: list[Callable[[], None]] = field(default_factory=list)
    deadlines: list[float] = field(default_factory=list)
    cancelled: list[Any] = field(default_factory=list)

    def submit(self, rows: Sequence[list[int]], deadline: float, done: Done) -> Done:
        self.deadlines.append(deadline)

        def answer() -> None:
            done(self.error or [None] * len(rows))  # type: ignore[list-item]

        if self.holds:
            self.held.append(answer)
        else:
            answer()
        return done

    def cancel(self, ticket: Any) -> None:
        self.cancelled.append(ticket)


@dataclass
class Stage:
    """A lifecycle: what is loaded, and which state it says."""

    model: Model | None
    state: str = "ready"


Open = Callable[..., Door]


def instances(*values: Any) -> bytes:
    return json.dumps({"instances": values}).encode()


def labels(body: bytes) -> list[str]:
    return [each["label"] for each in json.loads(body)["predictions"]]


def open_door(
    manifest: Manifest,
    queue: Queue,
    state: str = "ready",
    *,
    cache_mib: int = 0,
    **limits: Any,
) -> Door:
    """Return a door to it, whose answers come from `queue`."""
    model = None if state == "loading" else Model(Echo(), queue)  # type: ignore[arg-type]
    stage = Stage(model, state)
    limits = {"body_bytes": 1000, **limits}
    metrics = Metrics()
    app = create_app(
        manifest,
        state=lambda: stage.state,
        metrics=metrics,
        max_body_bytes=limits["body_bytes"],
    )
    service = Service(
        manifest,
        stage,
        app,
        cache=open_cache(
            manifest,
            CacheSettings(mib=cache_mib),
            valid=lambda value: True,
            report=print,
        ),
        metrics=metrics,
        log=RequestLog("none"),
        max_wait_seconds=0.1,
    )
    return Door(service, Limits(**limits))
