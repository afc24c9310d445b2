"""What MiniStack has no service for: checked as AWS would, then only noted."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

from rehearsal.account import Account
from rehearsal.api import api_request
from rehearsal.handlers.handler import (
    Create,
    Created,
    Handler,
    Native,
    Properties,
)


def _note(
    service: str,
    operation: str,
    *,
    inside: str | None = None,
    beside: tuple[str, ...] = (),
    unasked: tuple[str, ...] = (),
    named: str | None = None,
    answers: tuple[str, ...] = (),
) -> Create:
    """Check the properties as the request that AWS's own handler would make of them.

    The operation takes them in its member `inside`, but for those `beside` it; `unasked`
    are CloudFormation's alone; `named` is the member it makes a name for if there is
    none; `answers` are the attributes that Fn::GetAtt may ask for.
    """

    def create(account: Account, name: str, given: Properties, stack: str) -> Created:
        asked = {key: value for key, value in given.items() if key not in unasked}
        if named:
            asked.setdefault(named, f"{stack}-{name}")
        if inside:
            outer = {key: asked.pop(key) for key in beside if key in asked}
            asked = {inside: asked, **outer}
        api_request(account.client(service), operation, asked)
        id_ = f"{stack}-{name}"
        return id_, dict.fromkeys(answers, f"recorded:{id_}")

    return create


def forget(account: Account, id_: str, given: Properties) -> None:
    """What was only recorded has nothing to delete."""


def scalable_target(
    account: Account, name: str, given: Properties, stack: str
) -> Created:
    """Refuse what Application Auto Scaling would: no such service, upside-down bounds."""
    scaling = account.client("application-autoscaling")
    known = {key: value for key, value in given.items() if key != "ScheduledActions"}
    request = api_request(scaling, "RegisterScalableTarget", known)
    _bounds(request["MinCapacity"], request["MaxCapacity"])
    resource = request["ResourceId"]
    if request["ServiceNamespace"] == "ecs":
        _, cluster, service = resource.split("/")
        found = account.client("ecs").describe_services(
            cluster=cluster, services=[service]
        )
        if not found["services"]:
            raise ValueError(f"ResourceId: no ECS service {resource}")
    dimension, namespace = request["ScalableDimension"], request["ServiceNamespace"]
    target = {
        "ResourceId": resource,
        "ScalableDimension": dimension,
        "ServiceNamespace": namespace,
    }
    for action in given.get("ScheduledActions", []):
        api_request(scaling, "PutScheduledAction", {**target, **action})
        bounds = action["ScalableTargetAction"]
        _bounds(bounds.get("MinCapacity", 0), bounds.get("MaxCapacity", inf))
    return f"{resource}|{dimension}|{namespace}", {"Id": resource}


def _bounds(low: float, high: float) -> None:
    if low > high:
        raise ValueError(f"MinCapacity: {low} is above MaxCapacity {high}")


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


_CREATED: Mapping[str, Create] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": scalable_target,
    "AWS::ApplicationAutoScaling::ScalingPolicy": scaling_policy,
    "AWS::CE::AnomalyMonitor": _note(
        "ce",
        "CreateAnomalyMonitor",
        inside="AnomalyMonitor",
        beside=("ResourceTags",),
        answers=("MonitorArn",),
    ),
    "AWS::CE::AnomalySubscription": _note(
        "ce",
        "CreateAnomalySubscription",
        inside="AnomalySubscription",
        beside=("ResourceTags",),
        answers=("SubscriptionArn",),
    ),
    "AWS::CloudWatch::AnomalyDetector": _note("cloudwatch", "PutAnomalyDetector"),
    "AWS::CodeBuild::SourceCredential": _note("codebuild", "ImportSourceCredentials"),
    "AWS::CodeConnections::Connection": _note(
        "codeconnections", "CreateConnection", answers=("ConnectionArn",)
    ),
    "AWS::CodeDeploy::Application": _note(
        "codedeploy", "CreateApplication", named="ApplicationName"
    ),
    "AWS::CodeDeploy::DeploymentConfig": _note(
        "codedeploy", "CreateDeploymentConfig", named="DeploymentConfigName"
    ),
    "AWS::CodeDeploy::DeploymentGroup": _note(
        "codedeploy", "CreateDeploymentGroup", named="DeploymentGroupName"
    ),
    "AWS::CodePipeline::Pipeline": _note(
        "codepipeline",
        "CreatePipeline",
        inside="pipeline",
        beside=("Tags",),
        unasked=("RestartExecutionOnUpdate", "DisableInboundStageTransitions"),
        named="Name",
        answers=("Version",),
    ),
    "AWS::Logs::QueryDefinition": _note(
        "logs", "PutQueryDefinition", answers=("QueryDefinitionId",)
    ),
    "AWS::WAFv2::LoggingConfiguration": _note(
        "wafv2", "PutLoggingConfiguration", inside="LoggingConfiguration"
    ),
}
RECORDED: Mapping[str, Handler] = {
    kind: Handler(create, forget) for kind, create in _CREATED.items()
}
