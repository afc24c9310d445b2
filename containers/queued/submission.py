"""What a caller submits, what a message says of it, and what becomes of it.

Door and worker share this; Lambda has the standard library and boto3, and nothing else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

State = Literal["done", "failed"]

_ID_DIGITS = 40  # 160 bits of SHA-256: no two contents meet by chance


class UnreadableError(ValueError):
    """What lies in a queue or a bucket is not what was put there."""


@dataclass(frozen=True)
class Source:
    """An object of JSON lines, as it was when it was submitted."""

    bucket: str
    key: str
    etag: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class Submission:
    """Either instances, as `:predict` takes them, or a source of them.

    `id` is a digest of all that was asked and of the model, so asking again is no other
    submission. `instances` are None in a message that would be too long with them.
    """

    id: str
    model: str
    submitted: str  # as the other: UTC, ISO 8601, whole seconds
    expires: str  # not computed afterwards, nor told of
    instances: tuple[Any, ...] | None = None
    source: Source | None = None
    webhook: str | None = None

    def to_json(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))

    def is_over(self, now: datetime) -> bool:
        return stamp(now) >= self.expires


@dataclass(frozen=True)
class Outcome:
    """What became of a submission, for good: told to whoever asks, as it is."""

    id: str
    state: State
    told: Mapping[str, Any]  # predictions, or where they lie; or the error

    def to_json(self) -> str:
        return json.dumps(
            {"id": self.id, "state": self.state, **self.told}, separators=(",", ":")
        )


def identify(
    model: str, body: Mapping[str, Any], *, key: str = "", etag: str = ""
) -> str:
    """Return the id of what a body asks of a model.

    The order of an object's keys and the spaces between them make no difference; a
    source's ETag does, for another content is another question.
    """
    asked = json.dumps([model, body, key, etag], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(asked.encode()).hexdigest()[:_ID_DIGITS]


def is_id(text: str) -> bool:
    return len(text) == _ID_DIGITS and set(text) <= set("0123456789abcdef")


def stamp(time: datetime) -> str:
    """Return a time as it is written everywhere: it sorts as text."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_submission(text: str | bytes) -> Submission:
    """Raises UnreadableError naming what is missing or unknown, never what it says."""
    try:
        raw = json.loads(text)
        source, instances = raw.pop("source", None), raw.pop("instances", None)
        submission = Submission(
            **raw,
            source=Source(**source) if source else None,
            instances=tuple(instances) if instances is not None else None,
        )
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableError(f"not a submission: {type(error).__name__}") from error
    for name in ("id", "model", "submitted", "expires"):
        if not isinstance(getattr(submission, name), str):
            raise UnreadableError(f"not a submission: {name}")
    if not is_id(submission.id):
        raise UnreadableError("not a submission: id")
    return submission


def read_outcome(text: str | bytes) -> Outcome:
    raw = json.loads(text)
    return Outcome(raw.pop("id"), raw.pop("state"), raw)
