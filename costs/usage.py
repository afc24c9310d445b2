"""What a template does not say and a bill needs: traffic, gigabytes, builds.

Every figure is an assumption. A bill prints each with the lines that use it; a team
writes its own into a TOML file and passes it with `--usage`.
"""

# ruff: noqa: RUF009 -- _assumed makes a dataclass field
from __future__ import annotations

import textwrap
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from costs.scale import ENDS, Scale, spread

_MOST = 1e15  # of anything a month
_SHARES = ("spot_discount", "savings_plan_discount", "utilisation", "function_starts")


class UsageError(ValueError):
    """An assumption that is unknown or cannot be."""


def _assumed(figure: float | tuple[float, float, float], meaning: str, why: str) -> Any:
    """A figure for all scales, or for minimum, expected and maximum scale."""
    ends = figure if isinstance(figure, tuple) else (figure,) * 3
    metadata = {"meaning": meaning, "why": why}
    return field(default=Scale(*map(float, ends)), metadata=metadata)


@dataclass(frozen=True)
class Usage:
    """Assumptions, each at minimum, expected and maximum scale."""

    requests_per_second: Scale = _assumed(
        (1, 10, 50),
        "at each load balancer, on average over the month",
        "judgement: a service of one team; yours is in its load balancer's RequestCount",
    )
    request_kib: Scale = _assumed(
        1,
        "KiB a request, headers included",
        "judgement: a message of some hundred letters, and HTTP's headers",
    )
    response_kib: Scale = _assumed(
        1,
        "KiB a response, headers included",
        "judgement: labels and scores of one message, and HTTP's headers",
    )
    requests_per_connection: Scale = _assumed(
        10,
        "requests before a client opens a new connection",
        "judgement: clients that keep connections for a while",
    )
    log_bytes_per_request: Scale = _assumed(
        0,
        "bytes that tasks log for each request: Lathe's servers log none",
        "docs/serving.md: a request that went well is not logged",
    )
    task_log_gb: Scale = _assumed(
        (0.1, 0.2, 0.5),
        "GB a month that tasks log besides requests, a log group",
        "judgement: starts, errors and a line of metrics a minute",
    )
    server_metrics: Scale = _assumed(
        8,
        "metrics of each endpoint whose server reports by its log (METRICS=emf)",
        "counted in containers/flask/emf.py",
    )
    other_log_gb: Scale = _assumed(
        0.1,
        "GB a month in each log group that no task writes to",
        "judgement: builds and functions",
    )
    log_compression: Scale = _assumed(
        0.15,
        "stored bytes for each byte ingested, the ratio AWS documents",
        "the examples of AWS's CloudWatch pricing page",
    )
    log_months_kept: Scale = _assumed(
        12,
        "months of logs stored where a log group sets no retention",
        "judgement: a bill of the first year",
    )
    flow_log_gb: Scale = _assumed(
        (1, 3, 10),
        "GB a month from each VPC flow log",
        "judgement: it grows with connections, not with bytes",
    )
    nat_gb: Scale = _assumed(
        (10, 20, 50),
        "GB a month through each NAT gateway",
        "judgement: image layers of new tasks, calls of AWS's interfaces",
    )
    endpoint_gb: Scale = _assumed(
        (10, 20, 50),
        "GB a month through each interface endpoint",
        "judgement: as with a NAT gateway",
    )
    builds_per_month: Scale = _assumed(
        8,
        "builds of each CodeBuild project that is no short step of a pipeline",
        "judgement: two model changes a week",
    )
    minutes_per_build: Scale = _assumed(
        30,
        "minutes, rounded up by AWS",
        "judgement: of a build of support-sentiment, docs/results.md; yours says its own",
    )
    training_hours: Scale = _assumed(
        1,
        "hours of each build of a model that trains on instances of its own",
        "judgement",
    )
    job_task_hours: Scale = _assumed(
        (0, 10, 100),
        "hours a month that tasks of each job run, all together",
        "judgement: no file, a file a day, a large one; python -m batch submit says yours",
    )
    pipeline_runs_per_month: Scale = _assumed(
        20,
        "runs of a pipeline's steps on the smallest machines, and its sources",
        "judgement: a push each working day",
    )
    minutes_per_pipeline_step: Scale = _assumed(
        3,
        "minutes of each such step, rounded up by AWS",
        "judgement: installing takes most of them",
    )
    repository_gb: Scale = _assumed(
        2,
        "GB in each image repository; images share all layers but the model",
        "63 MB an image, 11 of them the model's (docs/results.md), up to 200 images kept",
    )
    bucket_gb: Scale = _assumed(
        2,
        "GB in each bucket",
        "judgement: artifacts of some tens of MB, kept for a while",
    )
    bucket_writes: Scale = _assumed(
        1_000,
        "PUT and LIST requests a month, a bucket",
        "judgement",
    )
    bucket_reads: Scale = _assumed(
        10_000,
        "GET requests a month, a bucket",
        "judgement",
    )
    lambda_calls: Scale = _assumed(
        100,
        "calls a month of each function; CDK's own run at deploys only",
        "judgement: some deploys a day",
    )
    lambda_seconds: Scale = _assumed(
        5,
        "seconds a call",
        "judgement: a function that waits for AWS's interfaces",
    )
    key_requests: Scale = _assumed(
        10_000,
        "requests a month to each KMS key",
        "judgement",
    )
    key_rotations: Scale = _assumed(
        (0, 1, 2),
        "rotations of a KMS key that rotates, of which AWS charges for two",
        "AWS's KMS pricing page: the first two rotations; once a year by default",
    )
    secret_reads: Scale = _assumed(
        10_000,
        "API calls a month for each secret",
        "judgement",
    )
    notifications: Scale = _assumed(
        100,
        "messages a month to each SNS topic, each sent on as one e-mail",
        "judgement",
    )
    queue_requests: Scale = _assumed(
        1e6,
        "SQS requests a month, a queue",
        "judgement",
    )
    queue_workers: Scale = _assumed(
        (0, 0.1, 1000),
        "tasks of each service that scales from zero, on average over the month",
        "judgement: two and a half hours a day; never more than its template allows",
    )
    submissions: Scale = _assumed(
        (0, 100_000, 1_000_000),
        "submissions a month at the function that takes them, each asked for twice",
        "judgement: one every half minute; yours is in the queue's NumberOfMessagesSent",
    )
    door_seconds: Scale = _assumed(
        0.1,
        "seconds of each call of such a function: three calls of S3 and SQS",
        "judgement: not measured on AWS",
    )
    function_requests: Scale = _assumed(
        (0, 100_000, 10_000_000),
        "requests a month at each serverless endpoint",
        "judgement: one every half minute; yours is in its URL's UrlRequestCount",
    )
    function_starts: Scale = _assumed(
        (0, 0.01, 0.05),
        "share of those that an environment is started for first",
        "judgement: callers come in bursts; an environment waits for some minutes",
    )
    function_start_seconds: Scale = _assumed(
        (1, 2, 5),
        "seconds of such a start, which AWS bills since August 2025",
        "0.7 measured at 1,769 MB without Lambda's own part (docs/results.md); judgement",
    )
    alarms_per_scaling_policy: Scale = _assumed(
        2,
        "alarms that target tracking makes for each policy, high and low",
        "AWS's Application Auto Scaling guide, target tracking",
    )
    insights_metrics_per_cluster: Scale = _assumed(
        11,
        "Container Insights metrics of a cluster, counted in AWS's list",
        "AWS's CloudWatch guide, Container Insights metrics of ECS",
    )
    insights_metrics_per_service: Scale = _assumed(
        25,
        "Container Insights metrics of a service and its task definition",
        "AWS's CloudWatch guide, Container Insights metrics of ECS",
    )
    enhanced_metrics_per_cluster: Scale = _assumed(
        23,
        "enhanced Container Insights metrics of a cluster, as once published",
        "a count that AWS once published; not made by us",
    )
    enhanced_metrics_per_service: Scale = _assumed(
        157,
        "enhanced metrics of a service and its tasks, as once published",
        "a count that AWS once published; not made by us",
    )
    insights_log_gb: Scale = _assumed(
        (0.1, 0.2, 0.5),
        "GB a month of Container Insights events from each service",
        "judgement",
    )
    spot_discount: Scale = _assumed(
        0.68,
        "share that Fargate Spot is below on-demand; it moves",
        "judgement: AWS says up to 0.70 and publishes the day's price only",
    )
    savings_plan_discount: Scale = _assumed(
        0,
        "share that a Compute Savings Plan takes off Fargate's and EC2's on-demand price",
        "there is none unless bought; a year's without upfront takes 0.20 off Fargate and"
        " 0.27 off an m7g.large, three years' 0.45 and 0.49 (AWS Price List, 2026-10-01)",
    )
    utilisation: Scale = _assumed(
        0.5,
        "share of processors and GPUs that works, by which energy is estimated",
        "Cloud Carbon Footprint's default",
    )
    agent_metrics_per_gpu: Scale = _assumed(
        3,
        "metrics of each GPU from a CloudWatch agent, and of a group's GPUs",
        "counted in stacks/instance.py",
    )
    detailed_metrics_per_instance: Scale = _assumed(
        7,
        "metrics of an EC2 instance with detailed monitoring, as AWS counts them",
        "AWS's CloudWatch pricing page",
    )
    managed_instances_fee: Scale = _assumed(
        0.12,
        "fee of ECS Managed Instances, as a share of the on-demand price",
        "AWS's example: 0.037 an hour of a c6a.2xlarge, on demand 0.306",
    )

    def __getitem__(self, name: str) -> Scale:
        figure: Scale = getattr(self, name)
        return figure


def _told(what: str) -> Mapping[str, str]:
    return {each.name: each.metadata[what] for each in fields(Usage)}


MEANINGS = _told("meaning")
WHYS = _told("why")  # a source, or that nobody but us says so


def read_usage(path: Path) -> Usage:
    """Read assumptions from TOML; those it leaves out keep their defaults.

    A value is a number, or a table of what it replaces: `{ expected = 20 }`, or
    `{ minimum = 1, expected = 20, maximum = 50 }`. Raises UsageError naming the file,
    the assumption, the value and the bound.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: cannot be read as TOML: {error}") from error
    if unknown := sorted(raw.keys() - MEANINGS.keys()):
        known = ", ".join(MEANINGS)
        raise UsageError(
            f"{path}: unknown keys {', '.join(unknown)}; there are: {known}"
        )
    figures = {
        name: _scale(f"{path}: {name}", value, Usage()[name])
        for name, value in raw.items()
    }
    for name in _SHARES:
        if name in figures and figures[name].maximum > 1:
            most = figures[name].maximum
            raise UsageError(f"{path}: {name}: {most:g} is above 1, a share")
    return Usage(**figures)


def _scale(where: str, value: Any, default: Scale) -> Scale:
    if not isinstance(value, dict):
        return Scale.always(_figure(where, value))
    if not value or value.keys() - set(ENDS):
        raise UsageError(f"{where}: {value!r} has other keys than {', '.join(ENDS)}")
    ends = {end: _figure(f"{where}.{end}", figure) for end, figure in value.items()}
    scale = replace(default, **ends)
    if list(scale.ends) != sorted(scale.ends):
        raise UsageError(f"{where}: {spread(scale)} does not rise from minimum on")
    return scale


def _figure(where: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UsageError(f"{where}: {value!r} is not a number")
    if not 0 <= value <= _MOST:
        # An integer of a thousand digits is no float to be shown.
        shown = "inf" if value > 1e300 else f"{value:.3g}"
        raise UsageError(f"{where}: {shown} is not from 0 to {_MOST:g}")
    return float(value)


def usage_toml(usage: Usage) -> str:
    """Return the file that `read_usage` takes, with every assumption explained."""
    lines = [
        "# What a template does not say. A number holds at every scale; a table replaces",
        "# what it names: { expected = 20 }. Leave a line out and its default holds.",
    ]
    for name, meaning in MEANINGS.items():
        lines += [
            "",
            *textwrap.wrap(meaning, 86, initial_indent="# ", subsequent_indent="# "),
        ]
        lines += textwrap.wrap(
            WHYS[name], 80, initial_indent="# (", subsequent_indent="#  "
        )
        lines[-1] += ")"
        lines.append(f"{name} = {_toml(usage[name])}")
    return "\n".join([*lines, ""])


def _toml(figure: Scale) -> str:
    if len(set(figure.ends)) == 1:
        return f"{figure.expected:g}"
    pairs = zip(ENDS, figure.ends, strict=True)
    return f"{{ {', '.join(f'{end} = {value:g}' for end, value in pairs)} }}"
