"""Takes submissions and says what became of them: a function in Lambda, behind a URL.

Nothing but the standard library and the boto3 that Lambda has is imported here. A
submission is kept before its message is sent, and 202 is said after both: a crash
between them loses nothing that was promised, and asking again sends the message again.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html has event and answer.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from containers.queued.messages import Queue
from containers.queued.store import INPUTS, Store
from containers.queued.submission import Source, Submission, identify, is_id, stamp

BODY_BYTES = 256 * 1024  # as the server takes them
SOURCE_BYTES = 1 << 30
INLINE_BYTES = 60 * 1024  # with the rest of a message under 64 KiB: one request's price
KEY_CHARACTERS = 255
WEBHOOK_CHARACTERS = 2048
RETRY_SECONDS = 2

# What curl says of -d without a word: the server takes that too.
_JSON = ("", "application/json", "application/x-www-form-urlencoded")
_SHAPE = 'wanted {"instances": [...]} or {"source": "s3://BUCKET/KEY"}'

Answer = dict[str, Any]
Event = Mapping[str, Any]


class RefusedError(Exception):
    """Why a request gets no answer, and its status."""

    def __init__(self, status: int, why: str, **headers: str) -> None:
        super().__init__(why)
        self.status = status
        self.headers = headers


@dataclass(frozen=True)
class Terms:
    """What may be asked, as the stack says it in the environment."""

    model: str
    max_batch: int
    expiry_days: int
    webhooks: bool
    sources: tuple[str, ...]  # "s3://BUCKET/PREFIX", beside the endpoint's own


class Door:
    """Answers function URL events. Raises nothing: what goes wrong is an answer."""

    def __init__(
        self,
        terms: Terms,
        store: Store,
        *,
        items: Queue,
        references: Queue,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._terms, self._store, self._now = terms, store, now
        self._items, self._references = items, references
        self._submit_path = f"/v1/models/{terms.model}:submit"
        self._told_path = f"/v1/models/{terms.model}/submissions/"
        own = f"s3://{store.bucket}/{INPUTS}/"
        self._sources = (own, *terms.sources)

    def handle(self, event: Event) -> Answer:
        try:
            return self._route(event)
        except RefusedError as error:
            return self._say(error.status, {"error": str(error)}, error.headers)
        except (BotoCoreError, ClientError) as error:
            print(json.dumps({"level": "error", "exception": type(error).__qualname__}))
            why = {"error": "the queue is out of reach; ask again"}
            return self._say(503, why, {"Retry-After": str(RETRY_SECONDS)})

    def _route(self, event: Event) -> Answer:
        path, method = event["rawPath"], event["requestContext"]["http"]["method"]
        if path == self._submit_path:
            _expect(method, "POST")
            return self._submit(event)
        if path.startswith(self._told_path):
            _expect(method, "GET")
            return self._tell(path.removeprefix(self._told_path))
        raise RefusedError(
            404,
            f"not found; wanted POST {self._submit_path} or GET {self._told_path}ID",
        )

    def _submit(self, event: Event) -> Answer:
        headers = event.get("headers") or {}
        body = _read_body(event, headers)
        key = _read_key(headers)
        submission = self._read(body, key)
        if key and self._store.owner_of(key, submission.id) != submission.id:
            why = "Idempotency-Key: was given with another body"
            raise RefusedError(409, why)
        state = self._begin(submission)
        place = self._told_path + submission.id
        told = {"id": submission.id, "state": state}
        return self._say(202, told, {"Location": place})

    def _begin(self, submission: Submission) -> str:
        """Keep it, then send it, unless it is answered; return its state."""
        if not self._store.begin(submission):
            before = self._store.submission(submission.id)
            if before is None or before.is_over(self._now()):
                self._store.begin_again(submission)
            else:
                if outcome := self._store.outcome(submission.id):
                    return outcome.state
                submission = before
        queue = self._references if submission.source else self._items
        queue.send(_message(submission))
        return "pending"

    def _read(self, body: Mapping[str, Any], key: str) -> Submission:
        if unknown := sorted(body.keys() - {"instances", "source", "webhook"}):
            raise RefusedError(400, f"body: unknown keys {unknown[:5]}; {_SHAPE}")
        if ("instances" in body) == ("source" in body):
            found = "both" if "source" in body else "neither"
            raise RefusedError(400, f"body: {found} instances and source; {_SHAPE}")
        webhook = self._read_webhook(body.get("webhook"))
        instances = source = None
        if "instances" in body:
            instances = self._read_instances(body["instances"])
        else:
            source = self._read_source(body["source"])
        now = self._now()
        return Submission(
            id=identify(
                self._terms.model, body, key=key, etag=source.etag if source else ""
            ),
            model=self._terms.model,
            submitted=stamp(now),
            expires=stamp(now + timedelta(days=self._terms.expiry_days)),
            instances=instances,
            source=source,
            webhook=webhook,
        )

    def _read_instances(self, value: Any) -> tuple[Any, ...]:
        most = self._terms.max_batch
        if not isinstance(value, list):
            raise RefusedError(400, "instances: not a list")
        if not 1 <= len(value) <= most:
            why = f"instances: {len(value)} given, 1 to {most} allowed"
            raise RefusedError(400, why)
        return tuple(value)

    def _read_source(self, value: Any) -> Source:
        """Only where callers may put things: the worker may read what they may not."""
        if not isinstance(value, str) or not value.startswith(self._sources):
            raise RefusedError(400, f"source: not in {' or '.join(self._sources)}")
        bucket, _, key = value.removeprefix("s3://").partition("/")
        if (found := self._store.source(bucket, key)) is None:
            raise RefusedError(400, f"source: {value[:200]}: no such object")
        source, size = found
        if size > SOURCE_BYTES:
            why = f"source: {size} bytes, {SOURCE_BYTES} allowed"
            raise RefusedError(413, why)
        return source

    def _read_webhook(self, value: Any) -> str | None:
        if value is None:
            return None
        if not self._terms.webhooks:
            raise RefusedError(400, "webhook: this endpoint calls nobody")
        if not isinstance(value, str) or not _is_webhook(value):
            why = "webhook: not an https address with a host and no user"
            raise RefusedError(400, why)
        return value

    def _tell(self, id_: str) -> Answer:
        """A submission that is over is told of no more, as after the bucket forgot it."""
        unknown = RefusedError(404, "no such submission, or it is over")
        if not is_id(id_):
            raise unknown
        before = self._store.submission(id_)
        if before is None or before.is_over(self._now()):
            raise unknown
        if outcome := self._store.outcome(id_):
            return _shaped(200, outcome.to_json())
        told = {"id": id_, "state": "pending", "expires": before.expires}
        return self._say(200, told, {"Retry-After": str(RETRY_SECONDS)})

    def _say(
        self, status: int, told: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Answer:
        body = json.dumps({**told, "model": self._terms.model})
        return _shaped(status, body, headers)


def _shaped(status: int, body: str, headers: Mapping[str, str] | None = None) -> Answer:
    kind = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return {"statusCode": status, "headers": {**kind, **(headers or {})}, "body": body}


def _message(submission: Submission) -> str:
    """With the instances, if they are few: the worker then need not fetch them."""
    text = submission.to_json()
    if len(text.encode()) > INLINE_BYTES:
        return replace(submission, instances=None).to_json()
    return text


def _expect(method: str, wanted: str) -> None:
    if method != wanted:
        why = HTTPStatus.METHOD_NOT_ALLOWED.description
        raise RefusedError(405, why, Allow=wanted)


def _read_body(event: Event, headers: Mapping[str, str]) -> Mapping[str, Any]:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _JSON:
        raise RefusedError(415, f"Content-Type: {kind[:80]!r} is not application/json")
    if (coding := headers.get("content-encoding", "identity")) != "identity":
        raise RefusedError(415, f"Content-Encoding: {coding[:80]!r} is not identity")
    text = event.get("body") or ""
    body = base64.b64decode(text) if event.get("isBase64Encoded") else text.encode()
    if len(body) > BODY_BYTES:
        why = f"body: {len(body)} bytes, {BODY_BYTES} allowed"
        raise RefusedError(413, f"{why}; put more into an object: source")
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_no_number)
        # Half a surrogate pair is no character, and could be kept nowhere.
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        raise RefusedError(400, f"body: not UTF-8 at byte {error.start}") from error
    except UnicodeEncodeError as error:
        raise RefusedError(400, "body: a lone surrogate is not Unicode text") from error
    except RecursionError as error:
        raise RefusedError(400, f"body: nested too deeply; {_SHAPE}") from error
    except ValueError as error:
        raise RefusedError(400, f"body: not JSON: {error}; {_SHAPE}") from error
    if not isinstance(value, dict):
        raise RefusedError(400, f"body: not an object; {_SHAPE}")
    return value


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is not a number")


def _read_key(headers: Mapping[str, str]) -> str:
    key = headers.get("idempotency-key", "")
    if len(key) > KEY_CHARACTERS or not key.isascii() or not key.isprintable():
        why = f"Idempotency-Key: not 1 to {KEY_CHARACTERS} printable ASCII characters"
        raise RefusedError(400, why)
    return key


def _is_webhook(address: str) -> bool:
    if len(address) > WEBHOOK_CHARACTERS or not address.isascii():
        return False
    if not address.isprintable() or " " in address:
        return False
    try:
        parts = urlsplit(address)
        is_whole = bool(parts.hostname) and (parts.port or 443) > 0
    except ValueError:
        return False
    return parts.scheme == "https" and is_whole and "@" not in parts.netloc


@cache
def open_door() -> Door:
    """The door that the environment asks for; once a process, as its connections."""
    environment = os.environ
    config = Config(
        connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 3}
    )
    sqs = boto3.client("sqs", config=config)
    return Door(
        Terms(
            model=environment["MODEL_NAME"],
            max_batch=int(environment["MAX_BATCH"]),
            expiry_days=int(environment["EXPIRY_DAYS"]),
            webhooks=environment.get("WEBHOOKS") == "true",
            sources=tuple(environment.get("SOURCES", "").split()),
        ),
        Store(boto3.client("s3", config=config), environment["BUCKET"]),
        items=Queue(sqs, environment["QUEUE_URL"]),
        references=Queue(sqs, environment["REFERENCES_URL"]),
    )


def handle(event: Event, context: object) -> Answer:
    """What Lambda calls."""
    return open_door().handle(event)
