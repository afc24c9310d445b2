"""How many tasks a service runs, of what size, and on whose capacity."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from costs.assembly import AssemblyError, Resource, Stack, amount
from costs.scale import Scale
from costs.usage import Usage

_COUNTED = "RequestCountPerTarget"  # the metric of a load balancer


def count(service: Resource, stack: Stack, usage: Usage) -> Scale:
    """Return the tasks that scaling keeps, or the desired count where none scales.

    Expected are those that the expected requests keep busy to the target of the policy
    that counts requests; without one the desired count, or the fewest. Of a queue's,
    which come from zero and go, there are as many as are assumed, at either end too.
    """
    target = _scaling(service, stack)
    if target is None:
        return Scale.always(service.number("DesiredCount", 1))
    bounds = list(_bounds(target))
    low, high = bounds[0]
    lows, highs = zip(*bounds, strict=True)
    usual = service.number("DesiredCount", low)
    if asked := _requests_per_task(target, stack):
        usual = math.ceil(round(usage.requests_per_second.expected / asked, 6))
    elif not low:
        return Scale.of(
            lambda n: min(max(n, min(lows)), max(highs)), usage.queue_workers
        )
    return Scale(min(lows), min(max(usual, low), high), max(highs))


def rests_on(service: Resource, stack: Stack) -> tuple[str, ...]:
    """Return the assumptions that a service's tasks are counted with."""
    target = _scaling(service, stack)
    counts = target is not None and _requests_per_task(target, stack)
    if counts:
        return ("requests_per_second",)
    from_zero = target is not None and not target.number("MinCapacity")
    return ("queue_workers",) if from_zero else ()


def _scaling(service: Resource, stack: Stack) -> Resource | None:
    name = service.get("ServiceName", service.name)
    for target in stack.of_type("AWS::ApplicationAutoScaling::ScalableTarget"):
        scaled = target.get("ResourceId")  # service/CLUSTER/NAME
        if service.is_named_in(scaled) or scaled.rpartition("/")[2] == name:
            return target
    return None


def _requests_per_task(target: Resource, stack: Stack) -> float | None:
    """Return the requests a second that scaling keeps each task at, if it counts them."""
    where = "TargetTrackingScalingPolicyConfiguration"
    for policy in stack.of_type("AWS::ApplicationAutoScaling::ScalingPolicy"):
        if policy.get("ScalingTargetId", None) != target.name:
            continue
        usual = f"{where}.PredefinedMetricSpecification.PredefinedMetricType"
        metrics = [
            query["MetricStat"]["Metric"].get("MetricName")
            for query in policy.items(f"{where}.CustomizedMetricSpecification.Metrics")
            if "MetricStat" in query
        ]
        if set(metrics) == {_COUNTED} or policy.get(usual, "") == f"ALB{_COUNTED}":
            return (
                policy.number(f"{where}.TargetValue") / 60
            )  # it is told by the minute
    return None


def _bounds(target: Resource) -> Iterator[tuple[float, float]]:
    """Yield the bounds that the target has, and those of its schedule."""
    always = (target.number("MinCapacity"), target.number("MaxCapacity"))
    actions = [
        scheduled.get("ScalableTargetAction", {})
        for scheduled in target.items("ScheduledActions")
    ]
    for action in ({}, *actions):
        low, high = (
            amount(f"{target}: ScheduledActions.{name}", action.get(name, usual))
            for name, usual in zip(("MinCapacity", "MaxCapacity"), always, strict=True)
        )
        if not 0 <= low <= high:
            bounds = f"MinCapacity {low:g}, MaxCapacity {high:g}"
            raise AssemblyError(f"{target}: {bounds}: not 0 or more, rising")
        yield low, high


def capacity_shares(
    service: Resource, stack: Stack, usage: Usage
) -> Mapping[str, Scale]:
    """Return a service's tasks by capacity provider; empty for plain EC2 ones."""
    tasks = count(service, stack, usage)
    strategy = service.items("CapacityProviderStrategy")
    if not strategy:
        launch = service.get("LaunchType", None)
        task = task_definition(service, stack)
        if launch is None and task.items("RequiresCompatibilities") == ["FARGATE"]:
            launch = "FARGATE"
        return {"FARGATE": tasks} if launch == "FARGATE" else {}

    def told(entry: Mapping[str, Any], name: str) -> float:
        where = f"{service}: CapacityProviderStrategy.{name}"
        return amount(where, entry.get(name, 0))

    bases = sum(told(entry, "Base") for entry in strategy)
    weights = sum(told(entry, "Weight") for entry in strategy)

    def share(entry: Mapping[str, Any], running: float) -> float:
        # ECS fills the bases first; what is left goes by weight.
        base, weight = told(entry, "Base"), told(entry, "Weight")
        rest = max(0.0, running - bases) * weight / weights if weights else 0.0
        return min(base, running) + rest

    return {
        str(entry["CapacityProvider"]): Scale.of(partial(share, entry), tasks)
        for entry in strategy
    }


def task_definition(service: Resource, stack: Stack) -> Resource:
    wanted = service.get("TaskDefinition")
    for task in stack.of_type("AWS::ECS::TaskDefinition"):
        if task.name == wanted:
            return task
    raise AssemblyError(f"{service}: TaskDefinition: {wanted!r} is not in the stack")
