"""What lies in the bucket: what was asked, what became of it, and the parts between.

submissions/ID/asked.json            written first, once
submissions/ID/parts/VERSION/...     of a source: answers so far, a part of it each
submissions/ID/VERSION/*/*.jsonl     of a source: all answers, and the errors among them
submissions/ID/outcome.json          written last, once: nothing ever replaces it
keys/DIGEST                          whose Idempotency-Key it is

The bucket's lifecycle removes all of it in time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from containers.queued.submission import (
    Outcome,
    Source,
    Submission,
    read_outcome,
    read_submission,
)

SUBMISSIONS, KEYS = "submissions", "keys"
INPUTS = "inputs"  # where callers may put sources

_MISSING = {"404", "NoSuchKey", "NotFound"}
_THERE = {"412", "PreconditionFailed"}
_CONFLICT = {"409", "ConditionalRequestConflict"}
_CONFLICTS = 20  # two conditional writes at a time: S3 wants one of them tried again

Found = TypeVar("Found")


class Store:
    """One endpoint's bucket; safe to call from any thread.

    Raises what boto3 raises, where S3 does not do what it is asked.
    """

    def __init__(self, client: Any, bucket: str) -> None:
        self.client = client
        self.bucket = bucket

    def begin(self, submission: Submission) -> bool:
        """Keep what is asked; False if it was asked before."""
        return self.put_once(_asked(submission.id), submission.to_json().encode())

    def begin_again(self, submission: Submission) -> None:
        """Forget what became of a submission that is over, and keep it anew."""
        self.client.delete_object(Bucket=self.bucket, Key=_outcome(submission.id))
        body = submission.to_json().encode()
        self.client.put_object(Bucket=self.bucket, Key=_asked(submission.id), Body=body)

    def submission(self, id_: str) -> Submission | None:
        body = self.get(_asked(id_))
        return None if body is None else read_submission(body)

    def settle(self, outcome: Outcome) -> bool:
        """Say what became of it; False if that was said before, and so stands."""
        return self.put_once(_outcome(outcome.id), outcome.to_json().encode())

    def outcome(self, id_: str) -> Outcome | None:
        body = self.get(_outcome(id_))
        return None if body is None else read_outcome(body)

    def reopen(self, id_: str) -> None:
        """Forget that a submission failed; one that is done stays done."""
        outcome = self.outcome(id_)
        if outcome and outcome.state == "failed":
            self.client.delete_object(Bucket=self.bucket, Key=_outcome(id_))

    def owner_of(self, key: str, id_: str) -> str:
        """Return whose Idempotency-Key it is: this submission's, if it was nobody's."""
        path = f"{KEYS}/{hashlib.sha256(key.encode()).hexdigest()}"
        if self.put_once(path, id_.encode()):
            return id_
        return (self.get(path) or id_.encode()).decode()

    def source(self, bucket: str, key: str) -> tuple[Source, int] | None:
        """Return an object as it is now, and its bytes; None if there is none."""
        found = _or_none(
            _MISSING, lambda: self.client.head_object(Bucket=bucket, Key=key)
        )
        if found is None:
            return None
        return Source(bucket, key, found["ETag"]), found["ContentLength"]

    def get(self, key: str) -> bytes | None:
        found = _or_none(
            _MISSING, lambda: self.client.get_object(Bucket=self.bucket, Key=key)
        )
        return None if found is None else bytes(found["Body"].read())

    def put_once(self, key: str, body: bytes, **options: Any) -> bool:
        """Write an object if there is none; False if there is."""
        for attempt in range(_CONFLICTS):
            try:
                self.client.put_object(
                    Bucket=self.bucket, Key=key, Body=body, IfNoneMatch="*", **options
                )
            except ClientError as error:
                if code_of(error) in _THERE:
                    return False
                if code_of(error) not in _CONFLICT or attempt == _CONFLICTS - 1:
                    raise
            else:
                return True
        raise AssertionError("the last attempt returned or raised")


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def folder(id_: str) -> str:
    return f"{SUBMISSIONS}/{id_}"


def _asked(id_: str) -> str:
    return f"{folder(id_)}/asked.json"


def _outcome(id_: str) -> str:
    return f"{folder(id_)}/outcome.json"


def _or_none(codes: set[str], call: Callable[[], Found]) -> Found | None:
    try:
        return call()
    except ClientError as error:
        if code_of(error) in codes:
            return None
        raise
