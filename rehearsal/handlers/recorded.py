"""What MiniStack has no service for: checked as AWS would, then only noted."""

from __future__ import annotations

from rehearsal.account import Account
from rehearsal.api import api_request
from rehearsal.handlers.handler import Created, Native, Properties


def scalable_target(
    account: Account, name: str, given: Properties, stack: str
) -> Created:
    """Refuse what Application Auto Scaling would: no such service, upside-down bounds."""
    scaling = account.client("application-autoscaling")
    known = {key: value for key, value in given.items() if key != "ScheduledActions"}
    request = api_request(scaling, "RegisterScalableTarget", known)
    low, high = request["MinCapacity"], request["MaxCapacity"]
    if low > high:
        raise ValueError(f"MinCapacity: {low} is above MaxCapacity {high}")
    resource = request["ResourceId"]
    if request["ServiceNamespace"] == "ecs":
        _, cluster, service = resource.split("/")
        found = account.client("ecs").describe_services(
            cluster=cluster, services=[service]
        )
        if not found["services"]:
            raise ValueError(f"ResourceId: no ECS service {resource}")
    dimension, namespace = request["ScalableDimension"], request["ServiceNamespace"]
    return f"{resource}|{dimension}|{namespace}", {"Id": resource}


def scaling_policy(
    account: Account, name: str, given: Properties, stack: str
) -> Created:
    target = str(given.get("ScalingTargetId", "")).split("|")
    keys = ("ResourceId", "ScalableDimension", "ServiceNamespace")
    request = dict(zip(keys, target, strict=False)) | dict(given)
    request.pop("ScalingTargetId", None)
    api_request(account.client("application-autoscaling"), "PutScalingPolicy", request)
    return f"{stack}-{name}", {"Arn": f"recorded:{stack}-{name}"}


def is_expression(properties: Properties) -> bool:
    """Say whether an alarm watches a metric expression, which MiniStack refuses."""
    return "Metrics" in properties


def alarm(account: Account, native: Native) -> Native:
    """Create an alarm MiniStack's way, unless it is on an expression."""

    def create(name: str, given: Properties, stack: str) -> Created:
        if not is_expression(given):
            return native(name, given, stack)
        named = {"AlarmName": f"{stack}-{name}", **given}
        api_request(account.client("cloudwatch"), "PutMetricAlarm", named)
        return str(named["AlarmName"]), {"Arn": f"recorded:{named['AlarmName']}"}

    return create


def forget(account: Account, id_: str, given: Properties) -> None:
    """What was only recorded has nothing to delete."""
