"""What requests a month are to each mode: the assumptions that a bill is made with."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from costs.charges import SECONDS
from costs.choosing.choice import Mode as Name
from costs.choosing.hardware import START_SECONDS
from costs.choosing.queued import ALARM_MINUTES, IDLE_MINUTES, SQS_REQUESTS
from costs.choosing.variants import READY_SECONDS
from costs.scale import number
from manifest import Serving

# How long callers of a mode wait: who can wait longer may choose among more.
Patience = Literal["milliseconds", "seconds", "minutes", "a day"]
PATIENCE: tuple[Patience, ...] = get_args(Patience)

# Of a worker's processor for each submission, beside the model: docs/results.md.
SUBMISSION_SECONDS = 0.002
# Of S3 for each: asked.json and outcome.json are written; who asks twice finds the
# first alone, then both.
WRITES, READS = 2, 3
QUEUES = 3  # whose requests a bill counts alike
RUNS = 365 / 12  # of a job a month: a day's requests in one go
_START_SECONDS = START_SECONDS["Fargate"] + READY_SECONDS  # that are paid for


@dataclass(frozen=True)
class Mode:
    """A way to run a model, and what requests a month mean there."""

    name: Name
    patience: Patience
    runs_on: str  # the type of resource that answers
    usage: Callable[[Serving, float], Mapping[str, float]]
    promise: Callable[[Serving], str]
    basis: Callable[[Serving], str]  # of its usage, in words


def _real_time(serving: Serving, requests: float) -> Mapping[str, float]:
    return {"requests_per_second": requests / SECONDS}


def _serverless(serving: Serving, requests: float) -> Mapping[str, float]:
    return {"function_requests": requests}


def _asynchronous(serving: Serving, requests: float) -> Mapping[str, float]:
    rate = requests / SECONDS
    return {
        "submissions": requests,
        "queue_requests": requests * SQS_REQUESTS / QUEUES,
        "bucket_writes": requests * WRITES,
        "bucket_reads": requests * READS,
        "queue_workers": max(awake(rate), rate * _submission_seconds(serving)),
    }


def _batch(serving: Serving, requests: float) -> Mapping[str, float]:
    work = requests / serving.requests_per_second
    return {"job_task_hours": (work + min(requests, RUNS) * _START_SECONDS) / 3600}


def awake(requests_per_second: float) -> float:
    """Return the share of the time that a worker from zero runs, however fast it is.

    Requests come at random. The first one after a pause starts it; it goes after
    IDLE_MINUTES without any, which a mean of (e^(rate x idle) - 1) / rate seconds go by
    before.
    """
    idle = requests_per_second * IDLE_MINUTES * 60
    if idle > 100:  # there is no such pause
        return 1.0
    alarm, start = ALARM_MINUTES * 60, _START_SECONDS
    on = requests_per_second * start + math.expm1(idle)
    return on / (on + 1 + requests_per_second * alarm)


def _submission_seconds(serving: Serving) -> float:
    return 1 / serving.requests_per_second + SUBMISSION_SECONDS


MODES = (
    Mode(
        "real-time",
        "milliseconds",
        "AWS::ECS::Service",
        _real_time,
        lambda serving: f"p99 {number(serving.p99_ms)} ms of a request alone, measured",
        lambda serving: (
            f"tasks that each sustain {number(serving.requests_per_second)} requests a"
            " second, at scaling's target and never fewer than its least"
        ),
    ),
    Mode(
        "serverless",
        "seconds",
        "AWS::Lambda::Function",
        _serverless,
        lambda serving: (
            f"about p99 {number(serving.p99_ms)} ms in an environment that runs; seconds"
            " in one that starts, as most do below a request in five minutes"
        ),
        lambda serving: (
            "a function a request, for its measured time by the speed of Lambda's cores;"
            " starts as function_starts and function_start_seconds say"
        ),
    ),
    Mode(
        "asynchronous",
        "minutes",
        "AWS::ECS::Service",
        _asynchronous,
        lambda serving: (
            "seconds while a worker runs; two to three minutes until one does, a quarter"
            " of an hour after six quiet hours"
        ),
        lambda serving: (
            f"a submission a request, asked for twice: {WRITES} writes and {READS} reads"
            f" of S3, {SQS_REQUESTS} requests of SQS,"
            f" {number(1000 * _submission_seconds(serving))} ms of a worker, which goes"
            f" after {IDLE_MINUTES} idle minutes"
        ),
    ),
    Mode(
        "batch",
        "a day",
        "AWS::Batch::ComputeEnvironment",
        _batch,
        lambda serving: "the day's end, and the hours that the day's requests take",
        lambda serving: (
            "a day's requests in one go, by tasks that each answer"
            f" {number(serving.requests_per_second)} a second and start for"
            f" {number(_START_SECONDS)} s"
        ),
    ),
)
