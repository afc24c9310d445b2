"""What a template does not say and a bill needs: traffic, gigabytes, builds.

Every figure is an assumption. A bill prints each with the lines that use it; a team
writes its own into a TOML file and passes it with `--usage`.
"""

# ruff: noqa: RUF009 -- _assumed makes a dataclass field
from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from costs.scale import Scale


class UsageError(ValueError):
    """An assumption that is unknown or cannot be."""


def _assumed(minimum: float, maximum: float | None, meaning: str) -> Any:
    scale = Scale(minimum, minimum if maximum is None else maximum)
    return field(default=scale, metadata={"meaning": meaning})


@dataclass(frozen=True)
class Usage:
    """Assumptions, each at minimum and at maximum scale; None: the same at both."""

    requests_per_second: Scale = _assumed(
        1, 50, "at each load balancer, on average over the month"
    )
    request_kib: Scale = _assumed(1, None, "KiB a request, headers included")
    response_kib: Scale = _assumed(1, None, "KiB a response, headers included")
    requests_per_connection: Scale = _assumed(
        10, None, "requests before a client opens a new connection"
    )
    log_bytes_per_request: Scale = _assumed(
        0, None, "bytes that tasks log for each request: Lathe's servers log none"
    )
    task_log_gb: Scale = _assumed(
        0.1, 0.5, "GB a month that tasks log besides requests, a log group"
    )
    other_log_gb: Scale = _assumed(
        0.1, None, "GB a month in each log group that no task writes to"
    )
    log_compression: Scale = _assumed(
        0.15, None, "stored bytes for each byte ingested, the ratio AWS documents"
    )
    log_months_kept: Scale = _assumed(
        12, None, "months of logs stored where a log group sets no retention"
    )
    flow_log_gb: Scale = _assumed(1, 10, "GB a month from each VPC flow log")
    nat_gb: Scale = _assumed(10, 50, "GB a month through each NAT gateway")
    endpoint_gb: Scale = _assumed(10, 50, "GB a month through each interface endpoint")
    builds_per_month: Scale = _assumed(
        8, None, "builds of each CodeBuild project that is no short step of a pipeline"
    )
    minutes_per_build: Scale = _assumed(30, None, "minutes, rounded up by AWS")
    training_hours: Scale = _assumed(
        1, None, "hours of each build of a model that trains on instances of its own"
    )
    pipeline_runs_per_month: Scale = _assumed(
        20, None, "runs of a pipeline's steps on the smallest machines, and its sources"
    )
    minutes_per_pipeline_step: Scale = _assumed(
        3, None, "minutes of each such step, rounded up by AWS"
    )
    repository_gb: Scale = _assumed(
        2, None, "GB in each image repository; images share all layers but the model"
    )
    bucket_gb: Scale = _assumed(2, None, "GB in each bucket")
    bucket_writes: Scale = _assumed(
        1000, None, "PUT and LIST requests a month, a bucket"
    )
    bucket_reads: Scale = _assumed(10_000, None, "GET requests a month, a bucket")
    lambda_calls: Scale = _assumed(
        100, None, "calls a month of each function; CDK's own run at deploys only"
    )
    lambda_seconds: Scale = _assumed(5, None, "seconds a call")
    key_requests: Scale = _assumed(10_000, None, "requests a month to each KMS key")
    key_rotations: Scale = _assumed(
        0, 2, "rotations of a KMS key that rotates, of which AWS charges for two"
    )
    secret_reads: Scale = _assumed(10_000, None, "API calls a month for each secret")
    notifications: Scale = _assumed(
        100, None, "messages a month to each SNS topic, each sent on as one e-mail"
    )
    queue_requests: Scale = _assumed(1e6, None, "SQS requests a month, a queue")
    alarms_per_scaling_policy: Scale = _assumed(
        2, None, "alarms that target tracking makes for each policy, high and low"
    )
    insights_metrics_per_cluster: Scale = _assumed(
        11, None, "Container Insights metrics of a cluster, counted in AWS's list"
    )
    insights_metrics_per_service: Scale = _assumed(
        25, None, "Container Insights metrics of a service and its task definition"
    )
    enhanced_metrics_per_cluster: Scale = _assumed(
        23, None, "enhanced Container Insights metrics of a cluster, as once published"
    )
    enhanced_metrics_per_service: Scale = _assumed(
        157, None, "enhanced metrics of a service and its tasks, as once published"
    )
    insights_log_gb: Scale = _assumed(
        0.1, 0.5, "GB a month of Container Insights events from each service"
    )
    spot_discount: Scale = _assumed(
        0.68, None, "share that Fargate Spot is below on-demand; it moves"
    )
    agent_metrics_per_gpu: Scale = _assumed(
        3, None, "metrics of each GPU from a CloudWatch agent, and of a group's GPUs"
    )
    detailed_metrics_per_instance: Scale = _assumed(
        7,
        None,
        "metrics of an EC2 instance with detailed monitoring, as AWS counts them",
    )
    managed_instances_fee: Scale = _assumed(
        0.12,
        None,
        "fee of ECS Managed Instances as a share of the on-demand price: AWS's example is"
        " 0.037 an hour of a c6a.2xlarge, on demand 0.306",
    )

    def __getitem__(self, name: str) -> Scale:
        figure: Scale = getattr(self, name)
        return figure


MEANINGS: Mapping[str, str] = {
    assumption.name: assumption.metadata["meaning"] for assumption in fields(Usage)
}


def read_usage(path: Path) -> Usage:
    """Read assumptions from TOML; those it leaves out keep their defaults.

    A value is a number, or a table `{ minimum = 1, maximum = 50 }`. Raises UsageError
    naming the file, the assumption, the value and the bound.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read as TOML: {error}") from error
    if unknown := sorted(raw.keys() - MEANINGS.keys()):
        known = ", ".join(MEANINGS)
        raise UsageError(
            f"{path}: unknown keys {', '.join(unknown)}; there are: {known}"
        )
    figures = {name: _scale(f"{path}: {name}", value) for name, value in raw.items()}
    if "spot_discount" in figures and figures["spot_discount"].maximum > 1:
        raise UsageError(f"{path}: spot_discount: above 1, a share")
    return Usage(**figures)


def _scale(where: str, value: Any) -> Scale:
    if not isinstance(value, dict):
        return Scale.always(_figure(where, value))
    if value.keys() != {"minimum", "maximum"}:
        raise UsageError(
            f"{where}: {value!r} is not {{ minimum = ..., maximum = ... }}"
        )
    ends = {end: _figure(f"{where}.{end}", figure) for end, figure in value.items()}
    scale = Scale(**ends)
    if scale.minimum > scale.maximum:
        raise UsageError(f"{where}: minimum {scale.minimum:g} above {scale.maximum:g}")
    return scale


def _figure(where: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UsageError(f"{where}: {value!r} is not a number")
    if not (math.isfinite(value) and value >= 0):
        raise UsageError(f"{where}: {value} is not 0 or more")
    return float(value)
