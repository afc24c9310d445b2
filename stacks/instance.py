"""What an instance of a pool may do, and how it joins the cluster when it starts."""

from __future__ import annotations

import json
from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

METRICS = "CWAgent"

# Of the ECS agent. Immutable tags are fetched once; tasks cannot ask for the rights of
# their instance; a task's log is written with the task's own rights.
AGENT = {
    "ECS_AWSVPC_BLOCK_IMDS": "true",
    "ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE": "true",
    "ECS_ENABLE_SPOT_INSTANCE_DRAINING": "true",
    "ECS_IMAGE_PULL_BEHAVIOR": "once",
}
GPU_AGENT = {"ECS_ENABLE_GPU_SUPPORT": "true"}

# Session Manager: the one way to a shell, for there is neither a key nor an open port.
# AWS takes no narrower resource for it than all.
SHELL = (
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
)
OF_THE_CLUSTER = (
    "ecs:DeregisterContainerInstance",
    "ecs:RegisterContainerInstance",
    "ecs:SubmitAttachmentStateChanges",
    "ecs:SubmitContainerStateChange",
    "ecs:SubmitTaskStateChange",
)
OF_ITS_INSTANCES = (
    "ecs:Poll",
    "ecs:PutSystemLogEvents",
    "ecs:StartTelemetrySession",
    "ecs:UpdateContainerInstancesState",  # to drain itself when Spot takes it back
)


def instance_role(scope: Construct, id_: str, *, cluster: str, gpus: bool) -> iam.Role:
    """Less than AmazonEC2ContainerServiceforEC2Role: tasks have roles of their own."""
    role = _agent_role(scope, id_, cluster=cluster)
    _allow(role, SHELL, "*")
    if gpus:
        # Metrics have no ARN: their namespace is the bound.
        bound = {"StringEquals": {"cloudwatch:namespace": METRICS}}
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["cloudwatch:PutMetricData"], resources=["*"], conditions=bound
            )
        )
    return role


def managed_role(scope: Construct, id_: str, *, cluster: str, pool: str) -> iam.Role:
    """By name: ECS may hand over only roles whose names begin as this one's does."""
    return _agent_role(scope, id_, cluster=cluster, name=f"ecsInstanceRole-{pool}")


def _agent_role(
    scope: Construct, id_: str, *, cluster: str, name: str | None = None
) -> iam.Role:
    principal = iam.ServicePrincipal("ec2.amazonaws.com")
    role = iam.Role(scope, id_, assumed_by=principal, role_name=name)
    stack, slash = cdk.Stack.of(scope), cdk.ArnFormat.SLASH_RESOURCE_NAME
    for actions, kind, of in (
        (OF_THE_CLUSTER, "cluster", cluster),
        (OF_ITS_INSTANCES, "container-instance", f"{cluster}/*"),
    ):
        arn = stack.format_arn(
            service="ecs", resource=kind, resource_name=of, arn_format=slash
        )
        _allow(role, actions, arn)
    _allow(role, ("ecs:DiscoverPollEndpoint",), "*")  # where ECS is: of no resource
    return role


def _allow(role: iam.Role, actions: Sequence[str], resource: str) -> None:
    role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=[resource]))


def user_data(*, cluster: str, pool: str, gpus: bool) -> ec2.UserData:
    """Return what runs as an instance starts, before the agent does."""
    settings = {"ECS_CLUSTER": cluster, **AGENT, **(GPU_AGENT if gpus else {})}
    data = ec2.UserData.for_linux()
    data.add_commands(
        *(
            f"echo {name}={value} >> /etc/ecs/ecs.config"
            for name, value in settings.items()
        )
    )
    if gpus:
        data.add_commands(*_gpu_metrics(pool))
    return data


def _gpu_metrics(pool: str) -> list[str]:
    """Use and memory of GPUs, by pool. An instance without them is better than none."""
    measured = {
        "measurement": ["utilization_gpu", "memory_used", "memory_total"],
        "append_dimensions": {"pool": pool},
    }
    metrics = {
        "namespace": METRICS,
        "aggregation_dimensions": [["pool"]],
        "metrics_collected": {"nvidia_gpu": measured},
    }
    home, file = "/opt/aws/amazon-cloudwatch-agent", "/etc/gpu-metrics.json"
    return [
        f"echo '{json.dumps({'metrics': metrics})}' > {file}",
        "dnf install --assumeyes amazon-cloudwatch-agent"
        f" && {home}/bin/amazon-cloudwatch-agent-ctl"
        f" -a fetch-config -m ec2 -s -c file:{file}"
        " || echo 'no metrics of GPUs'",
    ]
