"""Asks a deployed model, before anybody else may, what it answered at its build.

Runs in Lambda: nothing but the standard library and the boto3 that Lambda has. ECS calls
it once a new revision gets the test listener's requests, and takes the revision back
unless told SUCCEEDED. Anybody else calls it with {} and is told why besides.

Which release is asked for is said by whoever calls: ECS hands on what the very service
that it deploys says (`hookDetails`), so an update of this function that comes before
the service's, or after, cannot misjudge. {} means the release that was deployed with it.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/lambda-lifecycle-hooks.html
"""

from __future__ import annotations

import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
)

SCHEMA = 1
ANSWER_SECONDS = 5  # for one text; 32 of them end before Lambda ends this
CALLS, CALL_AGAIN_SECONDS = 10, 30  # by ECS, until a silent server has failed
NOT_YET = (429, 502, 503, 504)  # a load balancer without tasks, or tasks at work
S3 = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 3})


class NotYetError(Exception):
    """Nobody answers so far, or the release before does: worth another call."""


class WrongError(Exception):
    """What answers is not what was built, or nobody can tell."""


@dataclass(frozen=True)
class Release:
    """What a revision claims to be."""

    model: str
    version: str
    runtime: str


@dataclass(frozen=True)
class Answer:
    label: str
    score: float  # probability of that label


@dataclass(frozen=True)
class Sample:
    """Held-out texts, and what the release's own runtime answered at its build."""

    instances: tuple[str, ...]
    answers: tuple[Answer, ...]


def handle(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Return ECS's verdict on the revision behind the test listener, and print why."""
    details = _details(event)
    call = int(details.get("call", 1))
    asked = {**json.loads(os.environ["RELEASE"]), **details}
    release = Release(asked["model"], asked["version"], asked["runtime"])
    try:
        sample = read_sample(os.environ["BUCKET"], os.environ["REGION"], release)
        tolerance = float(os.environ["TOLERANCE"])
        why = compare(os.environ["URL"], release, sample, tolerance)
        verdict: dict[str, Any] = {"hookStatus": "SUCCEEDED"}
    except NotYetError as error:
        why = f"call {call} of {CALLS}: {error}"
        verdict = {"hookStatus": "FAILED"}
        if call < CALLS:
            verdict = {
                "hookStatus": "IN_PROGRESS",
                "callBackDelay": CALL_AGAIN_SECONDS,
                "hookDetails": {**asked, "call": call + 1},
            }
    except WrongError as error:
        why, verdict = str(error), {"hookStatus": "FAILED"}
    print(f"{verdict['hookStatus']}: {release.model}-{release.version}: {why}")
    return verdict if "executionId" in event else {**verdict, "why": why}


def _details(event: Mapping[str, Any]) -> dict[str, Any]:
    """CloudFormation takes them as a string; ECS documents that it sends a table."""
    found = event.get("hookDetails") or {}
    return dict(json.loads(found) if isinstance(found, str) else found)


def read_sample(bucket: str, region: str, release: Release) -> Sample:
    """Read what the release's build left. Raises WrongError, or NotYetError if out of reach."""
    key = f"releases/{release.model}/{release.version}/sample.json"
    where = f"s3://{bucket}/{key}"
    client = boto3.client("s3", region_name=region, config=S3)
    try:
        body = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        raise WrongError(f"{where}: {error}") from error
    except BotoCoreError as error:
        raise NotYetError(f"{where}: {error}") from error
    try:
        return _sample(json.loads(body), release.runtime)
    except (ValueError, KeyError, TypeError) as error:
        raise WrongError(f"{where}: is no sample: {error!r}") from error


def _sample(raw: Mapping[str, Any], runtime: str) -> Sample:
    if raw["schema"] != SCHEMA:
        raise ValueError(f"schema: {raw['schema']!r} is not {SCHEMA}")
    texts = tuple(map(str, raw["instances"]))
    answers = tuple(map(_answer, raw["answers"][runtime]))
    if not texts or len(texts) != len(answers):
        raise ValueError(f"{len(answers)} answers to {len(texts)} texts")
    return Sample(texts, answers)


def _answer(raw: Mapping[str, Any]) -> Answer:
    return Answer(str(raw["label"]), float(raw["score"]))


def compare(url: str, release: Release, sample: Sample, tolerance: float) -> str:
    """Ask for every text, one at a time, and say how near the answers are.

    Raises NotYetError where there is no answer, and WrongError naming what differs: by number,
    for a log is no place for what customers wrote.
    """
    apart, wrong = 0.0, []
    for number, text in enumerate(sample.instances, start=1):
        expected, got = sample.answers[number - 1], ask(url, release, text)
        apart = max(apart, abs(got.score - expected.score))
        if not alike(expected, got, tolerance):
            wrong.append(
                f"text {number}: {got.label} {got.score:.4f}"
                f" instead of {expected.label} {expected.score:.4f}"
            )
    total = len(sample.instances)
    if wrong:
        shown = "; ".join(wrong[:3])
        raise WrongError(
            f"{len(wrong)} of {total} differ by over {tolerance:g}: {shown}"
        )
    return f"{total} of {total} as at build, at most {apart:.6f} apart"


def alike(expected: Answer, got: Answer, tolerance: float) -> bool:
    """Whether no probability need have moved by more than the tolerance.

    Another label is the same answer only where the two were nearly tied: each then has
    about the other's probability, and both together no more than one.
    """
    near = abs(got.score - expected.score) <= tolerance
    tied = got.score + expected.score <= 1 + tolerance
    return near and (got.label == expected.label or tied)


def ask(url: str, release: Release, text: str) -> Answer:
    """Ask as a caller would. Raises NotYetError or WrongError."""
    request = urllib.request.Request(
        f"{url}/v1/models/{release.model}:predict",
        json.dumps({"instances": [text]}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as response:
            body = response.read()
    except urllib.error.HTTPError as error:
        said = f"HTTP {error.code}: {error.read(200)!r}"
        raise (
            NotYetError(said) if error.code in NOT_YET else WrongError(said)
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise NotYetError(f"{url}: {error}") from error
    try:
        answered = json.loads(body)
        (prediction,) = answered["predictions"]
        answer = _answer(prediction)
        # TF Serving does not say which release it is.
        version = answered.get("version", release.version)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WrongError(f"is no answer: {body[:200]!r}") from error
    if version != release.version:
        raise NotYetError(f"version {version} answers")
    return answer
