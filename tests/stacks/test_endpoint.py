"""What somebody is paged or billed for about a running model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from manifest import Serving
from tests.conftest import ManifestFactory
from tests.stacks.conftest import (
    DEV,
    of_type,
    only,
    synthesize,
    template,
    write_release,
)

ENDPOINT = DEV.endpoints[0]


@pytest.fixture(scope="session")
def container(endpoint: dict[str, Any]) -> dict[str, Any]:
    task = only(endpoint, "AWS::ECS::TaskDefinition")
    (found,) = task["ContainerDefinitions"]
    return dict(found)


def test_runs_the_image_of_its_release(container: dict[str, Any]) -> None:
    parts = container["Image"]["Fn::Join"][1]
    assert parts[-1].endswith(
        "/lathe/support-sentiment/flask:support-sentiment-3f1c9a07be24"
    )


def test_the_task_is_as_large_as_the_release_was_measured_to_need(
    endpoint: dict[str, Any],
) -> None:
    task = only(endpoint, "AWS::ECS::TaskDefinition")
    assert (task["Cpu"], task["Memory"]) == ("1024", "2048")


def test_memory_that_crosses_a_size_is_another_task(
    tmp_path: Path, make_manifest: ManifestFactory
) -> None:
    grown = make_manifest(
        serving=Serving(1.0, 2000, 2.0, 3.0, 4.0, 400.0, 15_400_000, "a test")
    )
    write_release(tmp_path / "releases", "dev", grown)
    out = synthesize(tmp_path / "out", tmp_path / "releases")
    task = only(
        template(out, "dev-endpoint-support-sentiment"), "AWS::ECS::TaskDefinition"
    )
    assert (task["Cpu"], task["Memory"]) == ("1024", "3072")


def test_the_container_cannot_write_or_be_root_or_do_what_root_does(
    container: dict[str, Any],
) -> None:
    assert container["ReadonlyRootFilesystem"] is True
    assert container["User"] == "10001:10001"
    assert container["LinuxParameters"]["Capabilities"]["Drop"] == ["ALL"]
    assert not container.get("Privileged")
    (writable,) = container["LinuxParameters"]["Tmpfs"]
    assert writable["ContainerPath"] == "/tmp"
    assert not container.get("MountPoints")  # Fargate mounts volumes for root only


def test_the_load_balancer_reaches_the_container_it_names(
    endpoint: dict[str, Any], container: dict[str, Any]
) -> None:
    (target,) = only(endpoint, "AWS::ECS::Service")["LoadBalancers"]
    assert target["ContainerName"] == container["Name"]
    ports = [mapping["ContainerPort"] for mapping in container["PortMappings"]]
    assert ports == [target["ContainerPort"]]
    group = only(endpoint, "AWS::ElasticLoadBalancingV2::TargetGroup")
    assert (group["Port"], group["TargetType"]) == (ports[0], "ip")
    assert group["HealthCheckPath"] == "/v2/health/ready"


def test_a_deployment_that_fails_or_alarms_is_rolled_back(
    endpoint: dict[str, Any],
) -> None:
    deployment = only(endpoint, "AWS::ECS::Service")["DeploymentConfiguration"]
    assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    assert deployment["Alarms"]["Enable"] is True
    assert deployment["Alarms"]["Rollback"] is True
    alarms = {a["AlarmName"] for a in of_type(endpoint, "AWS::CloudWatch::Alarm")}
    assert set(deployment["Alarms"]["AlarmNames"]) <= alarms
    assert deployment["MinimumHealthyPercent"] == 100


def test_the_number_of_tasks_is_the_scaler_s(endpoint: dict[str, Any]) -> None:
    """A DesiredCount would shrink a busy service to it at every deploy."""
    assert "DesiredCount" not in only(endpoint, "AWS::ECS::Service")
    target = only(endpoint, "AWS::ApplicationAutoScaling::ScalableTarget")
    assert (target["MinCapacity"], target["MaxCapacity"]) == (
        ENDPOINT.scaling.min_tasks,
        ENDPOINT.scaling.max_tasks,
    )
    policies = of_type(endpoint, "AWS::ApplicationAutoScaling::ScalingPolicy")
    goals = [
        p["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] for p in policies
    ]
    assert sorted(goals) == [
        ENDPOINT.scaling.cpu_percent,
        400 * 60 * ENDPOINT.scaling.load_percent // 100,
    ]


def test_a_task_may_pull_its_image_and_write_its_log_and_nothing_else(
    endpoint: dict[str, Any],
) -> None:
    actions = {
        action
        for policy in of_type(endpoint, "AWS::IAM::Policy")
        for statement in policy["PolicyDocument"]["Statement"]
        for action in (
            [statement["Action"]]
            if isinstance(statement["Action"], str)
            else statement["Action"]
        )
    }
    assert actions == {
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetAuthorizationToken",
        "ecr:GetDownloadUrlForLayer",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    }
