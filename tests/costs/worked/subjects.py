"""Resources under test: the one that a figure is worked out for is called `It`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from costs.scale import Scale
from tests.costs.samples import Resources, resource

Cases = Mapping[str, tuple[Resources, Scale]]


def service(**changes: Any) -> Resources:
    """A service `It` of one task of 0.5 vCPU and 1 GB, without scaling."""
    properties = {"LaunchType": "FARGATE", "TaskDefinition": {"Ref": "Task"}, **changes}
    return {
        "Task": resource("ECS::TaskDefinition", Cpu="512", Memory="1024"),
        "It": resource("ECS::Service", **properties),
    }


def scaling(
    least: int, most: int, name: Any = None, **properties: Any
) -> dict[str, Any]:
    """The bounds of the service `It`, or of the one that `name` gives."""
    it = {"Fn::Join": ["", ["service/c/", {"Fn::GetAtt": ["It", "Name"]}]]}
    return resource(
        "ApplicationAutoScaling::ScalableTarget",
        MinCapacity=least,
        MaxCapacity=most,
        ResourceId=name or it,
        **properties,
    )


def tracking(target: float, *metrics: str, of: str = "S") -> dict[str, Any]:
    """A policy that keeps a sum of metrics at a target; by default requests a minute."""
    names = metrics or ("RequestCountPerTarget",)
    queries = [{"MetricStat": {"Metric": {"MetricName": name}}} for name in names]
    return resource(
        "ApplicationAutoScaling::ScalingPolicy",
        PolicyType="TargetTrackingScaling",
        ScalingTargetId={"Ref": of},
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": target,
            "CustomizedMetricSpecification": {
                "Metrics": [*queries, {"Expression": "the sum of it all"}]
            },
        },
    )


def one(kind: str, **properties: Any) -> Resources:
    return {"It": resource(kind, **properties)}


def always(usd: float) -> Scale:
    return Scale.always(usd)
