"""What an operator may set in the worker's environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from containers.flask.artifact import StartError


@dataclass(frozen=True)
class Settings:
    bucket: str
    queue_url: str  # of messages with instances
    references_url: str  # of messages that name an object
    dead_letters_url: str
    topic_arn: str | None = None  # told of every outcome
    visibility_seconds: int = 60  # after a kill, until somebody else takes the work
    webhooks_anywhere: bool = (
        False  # private addresses too: for tests, and inside a VPC
    )


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read BUCKET, QUEUE_URL, REFERENCES_URL, DEAD_LETTERS_URL, TOPIC_ARN,
    VISIBILITY_SECONDS and WEBHOOKS_ANYWHERE; raises StartError naming what is wrong."""
    return Settings(
        bucket=_given(environment, "BUCKET"),
        queue_url=_given(environment, "QUEUE_URL"),
        references_url=_given(environment, "REFERENCES_URL"),
        dead_letters_url=_given(environment, "DEAD_LETTERS_URL"),
        topic_arn=environment.get("TOPIC_ARN") or None,
        visibility_seconds=_seconds(environment),
        webhooks_anywhere=_is_true(environment, "WEBHOOKS_ANYWHERE"),
    )


def _given(environment: Mapping[str, str], name: str) -> str:
    if not (value := environment.get(name)):
        raise StartError(f"{name}: is not set")
    return value


def _seconds(environment: Mapping[str, str]) -> int:
    name, default = "VISIBILITY_SECONDS", Settings.visibility_seconds
    text = environment.get(name, str(default))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:10]) <= 43_200):
        raise StartError(f"{name}: {text[:40]!r} is not a whole number from 1 to 43200")
    return int(text)


def _is_true(environment: Mapping[str, str], name: str) -> bool:
    text = environment.get(name) or "false"
    if text not in ("true", "false"):
        raise StartError(f"{name}: {text[:40]!r} is not true or false")
    return text == "true"
