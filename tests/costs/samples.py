"""Small templates written by hand, and the assembly that `cdk synth` would make of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Resources = Mapping[str, Any]
# stage -> stack -> its resources, or a whole template with "Resources" in it
Stages = Mapping[str, Mapping[str, Resources]]

_REQUESTS = "RequestCountPerTarget"

ENVIRONMENT = "aws://unknown-account/us-east-1"


def write_assembly(
    directory: Path, stages: Stages, *, environment: str = ENVIRONMENT
) -> Path:
    """Write the files `costs` reads, in the layout of a `cdk.out`."""
    artifacts = {}
    for stage, stacks in stages.items():
        nested = directory / f"assembly-{stage.replace('/', '-')}"
        nested.mkdir(parents=True)
        properties = {"directoryName": nested.name, "displayName": stage}
        artifacts[nested.name] = {
            "type": "cdk:cloud-assembly",
            "properties": properties,
        }
        _write_stacks(nested, stage, stacks, environment)
    artifacts["Tree"] = {"type": "cdk:tree", "properties": {"file": "tree.json"}}
    _write(directory / "manifest.json", {"artifacts": artifacts})
    return directory


def _write_stacks(
    directory: Path, stage: str, stacks: Mapping[str, Resources], environment: str
) -> None:
    artifacts = {}
    for name, content in stacks.items():
        template = content if "Resources" in content else {"Resources": content}
        _write(directory / f"{name}.template.json", template)
        artifacts[f"{name}Artifact"] = {
            "type": "aws:cloudformation:stack",
            "environment": environment,
            "properties": {"templateFile": f"{name}.template.json", "stackName": name},
            "displayName": f"{stage}/{name.removeprefix(f'{stage}-')}",
        }
    _write(directory / "manifest.json", {"artifacts": artifacts})


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


def resource(kind: str, path: str = "", **properties: Any) -> dict[str, Any]:
    """A resource with its construct path, as the CDK CLI writes it."""
    metadata = {"Metadata": {"aws:cdk:path": path}} if path else {}
    return {"Type": f"AWS::{kind}", "Properties": properties, **metadata}


def network() -> Resources:
    """Two public subnets whose names other stacks read from a parameter."""
    return {
        "Vpc": resource("EC2::VPC", CidrBlock="10.0.0.0/16"),
        "SubnetA": resource("EC2::Subnet", VpcId={"Ref": "Vpc"}),
        "SubnetB": resource("EC2::Subnet", VpcId={"Ref": "Vpc"}),
        "S3": resource("EC2::VPCEndpoint", VpcId={"Ref": "Vpc"}),
        "Subnets": resource(
            "SSM::Parameter",
            Name="/lathe/dev/subnets",
            Type="StringList",
            Value={"Fn::Join": [",", [{"Ref": "SubnetA"}, {"Ref": "SubnetB"}]]},
        ),
    }


def released(
    *,
    version: str = "3f1c9a07be24",
    variant: str = "int8",
    engine: str = "litert",
    f1: float = 0.86,
    p99_ms: float = 40.0,
    requests_per_second: float = 12.0,
    model_bytes: int = 15_400_000,
) -> dict[str, Any]:
    """What a template tells of its release, as stacks/release.py writes it."""
    figure = {"value": f1, "low": f1 - 0.02, "high": f1 + 0.02}
    return {
        "schema": 1,
        "endpoint": "sentiment",
        "model": "sentiment",
        "version": version,
        "variant": variant,
        "engine": engine,
        "runtime": "flask",
        "architecture": "x86_64",
        "quality": {
            "examples": 1697,
            "measure": "macro_f1",
            "figures": {"macro_f1": figure},
        },
        "serving": {
            "vcpu": 0.5,
            "memory_mib": 700,
            "p50_ms": p99_ms / 2,
            "p95_ms": p99_ms * 0.8,
            "p99_ms": p99_ms,
            "requests_per_second": requests_per_second,
            "model_bytes": model_bytes,
            "hardware": "a test",
        },
    }


def endpoint(
    *,
    cpu: str = "512",
    memory: str = "1024",
    task_id: str = "Task",
    most: int = 4,
    release: Mapping[str, Any] | None = None,
) -> Resources:
    """One released model behind one load balancer, scaling from one task."""
    subnets, release = {"Ref": "SubnetsParameter"}, release or released()
    sustained = release["serving"]["requests_per_second"]
    resources = {
        task_id: resource(
            "ECS::TaskDefinition",
            "dev/endpoint/Task/Resource",
            Cpu=cpu,
            Memory=memory,
            RequiresCompatibilities=["FARGATE"],
            ContainerDefinitions=[
                {"LogConfiguration": {"Options": {"awslogs-group": {"Ref": "Log"}}}}
            ],
        ),
        "Log": resource(
            "Logs::LogGroup", "dev/endpoint/Log/Resource", RetentionInDays=30
        ),
        "Service": resource(
            "ECS::Service",
            "dev/endpoint/Service/Service",
            LaunchType="FARGATE",
            TaskDefinition={"Ref": task_id},
            NetworkConfiguration={
                "AwsvpcConfiguration": {"AssignPublicIp": "ENABLED", "Subnets": subnets}
            },
        ),
        "Scaling": resource(
            "ApplicationAutoScaling::ScalableTarget",
            MinCapacity=1,
            MaxCapacity=most,
            ResourceId={
                "Fn::Join": ["/", ["service", "c", {"Fn::GetAtt": ["Service", "Name"]}]]
            },
        ),
        "Policy": resource(
            "ApplicationAutoScaling::ScalingPolicy",
            "dev/endpoint/Scaling/Requests",
            PolicyType="TargetTrackingScaling",
            ScalingTargetId={"Ref": "Scaling"},
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": sustained * 0.6 * 60,  # a minute
                "CustomizedMetricSpecification": {
                    "Metrics": [
                        {"MetricStat": {"Metric": {"MetricName": _REQUESTS}}},
                        {"Expression": "FILL(requests0, 0)"},
                    ]
                },
            },
        ),
        "Balancer": resource(
            "ElasticLoadBalancingV2::LoadBalancer",
            "dev/endpoint/Balancer/Resource",
            Type="application",
            Scheme="internet-facing",
            Subnets=subnets,
            Tags=[{"Key": "model", "Value": "sentiment"}],
        ),
        "Slow": resource(
            "CloudWatch::Alarm", "dev/endpoint/Alarms/Slow/Resource", MetricName="p99"
        ),
    }
    return {
        "Parameters": {
            "SubnetsParameter": {
                "Type": "AWS::SSM::Parameter::Value<List<String>>",
                "Default": "/lathe/dev/subnets",
            }
        },
        "Metadata": {"Lathe": release},
        "Resources": resources,
    }


def registry() -> Resources:
    return {
        "Images": resource("ECR::Repository", "dev/registry/Images/Resource"),
        "Builds": resource(
            "CodeBuild::Project",
            "dev/registry/Builds/Resource",
            Environment={
                "Type": "LINUX_CONTAINER",
                "ComputeType": "BUILD_GENERAL1_MEDIUM",
            },
        ),
    }


def stages(**endpoint_changes: Any) -> Stages:
    """A whole stage: what the golden files show."""
    return {
        "dev": {
            "dev-network": network(),
            "dev-endpoint": endpoint(**endpoint_changes),
            "dev-registry": registry(),
        }
    }
