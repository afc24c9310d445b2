"""What watches: log groups, alarms, metrics, dashboards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from costs.assembly import Resource
from costs.charges import SECONDS, Charge, Estimate, Rates
from costs.scale import Scale, counted

_DAYS_A_MONTH = 365 / 12
_REPORTS = {"Name": "METRICS", "Value": "emf"}  # in a task's environment


def log_group(resource: Resource, rates: Rates) -> Estimate:
    """Price what is written to a log group by those who write, and what it keeps."""
    gigabytes, assumptions, vended = _written(resource, rates)
    days = resource.get("RetentionInDays", None)
    kept = rates.usage.log_months_kept
    if days is not None:
        kept = Scale.always(resource.number("RetentionInDays") / _DAYS_A_MONTH)
    storage = ("log_compression",) + (() if days is not None else ("log_months_kept",))
    stored = gigabytes * kept * rates.usage.log_compression
    charges = [
        rates.charge("CloudWatch", "logs storage", stored, *assumptions, *storage)
    ]
    if not vended:
        rare = resource.get("LogGroupClass", "STANDARD") == "INFREQUENT_ACCESS"
        item = f"logs ingestion, {'infrequent access' if rare else 'standard'}"
        charges.insert(0, rates.charge("CloudWatch", item, gigabytes, *assumptions))
    charges += _reported(resource, rates)
    kept_for = "ever" if days is None else counted(Scale.always(float(days)), "day")
    return Estimate(f"log group, kept for {kept_for}", tuple(charges))


def _reported(resource: Resource, rates: Rates) -> Iterator[Charge]:
    """Yield the metrics that CloudWatch makes of lines which a server writes."""
    for task in rates.stack_of(resource).of_type("AWS::ECS::TaskDefinition"):
        for container in task.items("ContainerDefinitions"):
            told = _REPORTS in container.get("Environment", [])
            if told and resource.is_named_in(container):
                name, item = "server_metrics", "custom metric, first 10,000"
                yield rates.charge("CloudWatch", item, rates.usage[name], name)


def _written(resource: Resource, rates: Rates) -> tuple[Scale, tuple[str, ...], bool]:
    """Return GB a month, what that rests on, and whether the writer is charged."""
    usage, stack = rates.usage, rates.stack_of(resource)
    if any(
        resource.is_named_in(task.get("ContainerDefinitions", []))
        for task in stack.of_type("AWS::ECS::TaskDefinition")
    ):
        requests = usage.requests_per_second * SECONDS
        gigabytes = requests * usage.log_bytes_per_request * (1 / 1024**3)
        names = ("task_log_gb", "requests_per_second", "log_bytes_per_request")
        return usage.task_log_gb + gigabytes, names, False
    if any(
        resource.is_named_in(
            [log.get("LogGroupName", ""), log.get("LogDestination", "")]
        )
        for log in stack.of_type("AWS::EC2::FlowLog")
    ):
        return usage.flow_log_gb, ("flow_log_gb",), True
    return usage.other_log_gb, ("other_log_gb",), False


def alarm(resource: Resource, rates: Rates) -> Estimate:
    """Price each metric an alarm reads; an anomaly band reads three of each."""
    queries = [query for query in resource.items("Metrics") if "MetricStat" in query]
    periods = [query["MetricStat"].get("Period", 60) for query in queries]
    periods = periods or [resource.get("Period", 60)]
    item = "standard resolution"
    if resource.get("ThresholdMetricId", None) is not None:
        item = "anomaly detection standard"
    elif min(map(float, periods)) < 60:
        item = "high resolution"
    count = len(periods)
    charge = rates.charge("CloudWatch", f"alarm, {item}", count)
    return Estimate(f"alarm on {counted(count, 'metric')}", (charge,))


def composite_alarm(resource: Resource, rates: Rates) -> Estimate:
    return Estimate(
        "composite alarm", (rates.charge("CloudWatch", "alarm, composite", 1),)
    )


def dashboard(resource: Resource, rates: Rates) -> Estimate:
    return Estimate("dashboard", (rates.charge("CloudWatch", "dashboard", 1),))


def metric_filter(resource: Resource, rates: Rates) -> Estimate:
    count = len(resource.items("MetricTransformations"))
    charge = rates.charge("CloudWatch", "custom metric, first 10,000", count)
    return Estimate("metric filter", (charge,))


def scaling_policy(resource: Resource, rates: Rates) -> Estimate:
    """A policy is free; target tracking makes alarms of its own, which are not."""
    if resource.get("PolicyType", "") != "TargetTrackingScaling":
        return Estimate("step scaling, on alarms priced themselves")
    name, item = "alarms_per_scaling_policy", "alarm, standard resolution"
    metrics: list[Any] = resource.items(
        "TargetTrackingScalingPolicyConfiguration.CustomizedMetricSpecification.Metrics"
    )
    read = sum("MetricStat" in query for query in metrics) or 1
    alarms: Charge = rates.charge("CloudWatch", item, rates.usage[name] * read, name)
    return Estimate("target tracking with its own alarms", (alarms,))
