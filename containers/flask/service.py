"""What every request goes through: its route, admission, an answer, the books."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from typing import Protocol

from flask import Flask
from werkzeug.exceptions import (
    BadRequest,
    HTTPException,
    InternalServerError,
    MethodNotAllowed,
)

from containers.flask import gateway
from containers.flask.batching import DeadlineError
from containers.flask.cache import USE, AnswerCache, directive
from containers.flask.inference import read_infer, shape_infer
from containers.flask.instances import read_instances
from containers.flask.job import Asked, Job, Model
from containers.flask.log import RequestLog, event, request_id
from containers.flask.message import Answer, Cancel, Request
from containers.flask.metrics import Metrics
from containers.flask.problem import Problem
from manifest import Manifest

MAX_TIMEOUT_MS = 600_000

Reply = Callable[[Answer], None]
Finish = Callable[[Answer, int], None]  # the answer, and of how many instances


class Lifecycle(Protocol):
    @property
    def model(self) -> Model | None: ...


class Service:
    """Answers predictions itself and everything else through Flask.

    It runs on the event loop's thread and never waits there: engine threads do the work.
    Flask's dispatch takes some 200 us, which predictions are spared.
    """

    def __init__(
        self,
        manifest: Manifest,
        lifecycle: Lifecycle,
        app: Flask,
        *,
        cache: AnswerCache,
        metrics: Metrics,
        log: RequestLog,
        max_wait_seconds: float,
    ) -> None:
        """`max_wait_seconds`: with a longer queue than this, requests are refused."""
        self._manifest = manifest
        self._lifecycle = lifecycle
        self._app = app
        self._cache = cache
        self._metrics = metrics
        self._log = log
        self._max_wait_seconds = max_wait_seconds
        self._problem = Problem(manifest)
        v2 = f"/v2/models/{manifest.name}"
        infer = ("infer", self._read_infer)
        self._routes = {
            f"/v1/models/{manifest.name}:predict": ("predict", self._read_predict),
            f"{v2}/infer": infer,
            f"{v2}/versions/{manifest.version}/infer": infer,
        }
        identity = {"model": manifest.name, "version": manifest.version}
        self._tail = b"]," + json.dumps(identity, separators=(",", ":")).encode()[1:]

    def __call__(self, request: Request, reply: Reply) -> Cancel | None:
        route, read = self._routes.get(request.path, ("other", None))
        finish = self._finisher(request, route, reply)
        try:
            if read is not None:
                return self._predict(request, read, finish)
            finish(gateway.call(self._app, request), 0)
        except HTTPException as error:
            finish(self._problem.answer(error), 0)
        except Exception as error:
            finish(self._failed(error), 0)
        return None

    def refuse(self, status: int, message: str, seconds: float) -> Answer:
        """Say what is wrong with what could not even be read as a request."""
        answer = self._problem.plain(status, message)
        return self._book("unread", answer, seconds, request_id(None))

    def _predict(
        self, request: Request, read: Callable[[bytes], Asked], finish: Finish
    ) -> Cancel | None:
        if request.method != "POST":
            raise MethodNotAllowed(["POST"])
        if (model := self._lifecycle.model) is None:
            self._metrics.rejected("loading")
            finish(self._problem.busy(503, "the model is loading", retry_after=1), 0)
            return None
        deadline, patience = self._patience(request)
        if (wait := model.batcher.wait_seconds) > patience:
            self._metrics.rejected("full")
            finish(self._problem.busy(429, "too many wait", retry_after=wait), 0)
            return None
        asked = read(request.body)
        job = Job(model, self._cache, asked, count=self._metrics.cache)
        count = len(asked.instances)
        given = request.headers.get(b"cache-control")
        caching = directive(given) if given else USE
        job.begin(caching, deadline, lambda body: finish(self._answer(body), count))
        return job.cancel

    def _patience(self, request: Request) -> tuple[float, float]:
        """Return the request's own deadline, and the wait above which it is refused."""
        given = request.headers.get(b"x-request-timeout-ms")
        if given is None:
            return math.inf, self._max_wait_seconds
        known = given.isdigit() and len(given) < 10  # int() of thousands would raise
        if not (known and 1 <= int(given) <= MAX_TIMEOUT_MS):
            shown = given[:20].decode("latin-1")
            raise BadRequest(
                f"X-Request-Timeout-Ms: {shown!r} is not between 1 and {MAX_TIMEOUT_MS}"
            )
        seconds = int(given) / 1000
        return request.received + seconds, min(seconds, self._max_wait_seconds)

    def _answer(self, body: bytes | Exception) -> Answer:
        if isinstance(body, bytes):
            return Answer(200, body)
        if isinstance(body, DeadlineError):
            self._metrics.rejected("deadline")
            return self._problem.plain(504, "X-Request-Timeout-Ms passed in the queue")
        return self._failed(body)

    def _failed(self, error: Exception) -> Answer:
        # Its message may quote what a client sent: only the type is logged.
        event("error", "a request failed", exception=type(error).__qualname__)
        return self._problem.answer(InternalServerError())

    def _read_predict(self, body: bytes) -> Asked:
        instances = read_instances(body, max_batch=self._manifest.max_batch)
        return Asked(
            instances, lambda found: b'{"predictions":[' + b",".join(found) + self._tail
        )

    def _read_infer(self, body: bytes) -> Asked:
        manifest = self._manifest
        asked = read_infer(body, max_batch=manifest.max_batch, task=manifest.task)

        def shape(found: list[bytes]) -> bytes:
            answer = shape_infer(asked, [json.loads(one) for one in found], manifest)
            return json.dumps(answer, separators=(",", ":")).encode()

        return Asked(asked.instances, shape)

    def _finisher(self, request: Request, route: str, reply: Reply) -> Finish:
        def finish(answer: Answer, instances: int) -> None:
            number = _request_id(request)
            seconds = time.monotonic() - request.received
            received = len(request.body)
            reply(self._book(route, answer, seconds, number, received, instances))

        return finish

    def _book(
        self,
        route: str,
        answer: Answer,
        seconds: float,
        number: str,
        received: int = 0,
        instances: int = 0,
    ) -> Answer:
        """Count and log an answer; return it with its number."""
        self._metrics.answered(route, answer.status, seconds)
        self._log.answered(
            route,
            answer.status,
            seconds,
            request_id=number,
            received=received,
            sent=len(answer.body),
            instances=instances,
        )
        headers = b"%bX-Request-Id: %b\r\n" % (answer.headers, number.encode())
        return Answer(answer.status, answer.body, headers)


def _request_id(request: Request) -> str:
    given = request.headers.get(b"x-request-id")
    trace = request.headers.get(b"x-amzn-trace-id")
    return request_id(
        given.decode("latin-1") if given else None,
        trace.decode("latin-1") if trace else None,
    )
