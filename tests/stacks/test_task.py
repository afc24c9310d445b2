"""What a task is on each kind of capacity, and that ECS finds the capacity it names."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aws_cdk as cdk
import pytest

from manifest import Manifest
from stacks.names import Names
from stacks.placement import strategies
from stacks.settings.compute import (
    Compute,
    FargateConfig,
    InstancesConfig,
    PoolConfig,
    TaskSize,
)
from stacks.settings.delivery import DeliveryConfig
from stacks.settings.endpoint import EndpointConfig
from stacks.stage import Stage
from tests.conftest import ManifestFactory
from tests.stacks.conftest import DEV, SHOWN, only, template, write_release

POOLS = (
    PoolConfig("gpu", ("g6.xlarge",), 0, 4),
    PoolConfig("graviton", ("c7g.large",), 0, 4),
    PoolConfig("managed", ("m7i.large",), 0, 4, managed=True),
)
SIZE = TaskSize(vcpu=1.5, memory_mib=3_000, requests_per_second=100)
ENDPOINT = replace(DEV.endpoints[0], size=SIZE)
GPU = replace(ENDPOINT, runtime="tf_serving", compute=InstancesConfig("gpu", gpus=1))
FARGATE = replace(ENDPOINT, compute=FargateConfig(), size=None)
ON = {
    "fargate": FARGATE,
    "gpu": GPU,
    "graviton": replace(ENDPOINT, compute=InstancesConfig("graviton")),
    "managed": replace(ENDPOINT, compute=InstancesConfig("managed")),
}
ARCHITECTURES = {"graviton": "arm64"}


def deployed(
    endpoint: EndpointConfig,
    release: Manifest,
    delivery: DeliveryConfig = SHOWN.delivery,
) -> dict[str, Any]:
    """The template of an endpoint of a stage that has every kind of capacity."""
    config = replace(DEV, pools=POOLS, endpoints=(endpoint,))
    with TemporaryDirectory() as folder:
        write_release(Path(folder), "dev", release)
        app = cdk.App(outdir=f"{folder}/cdk.out", analytics_reporting=False)
        Stage(app, config=config, delivery=delivery, releases=Path(folder))
        app.synth()
        return template(Path(app.outdir), f"dev-endpoint-{endpoint.name}")


@pytest.fixture(scope="module")
def on(make_manifest: ManifestFactory) -> Any:
    """The template of the endpoint on a kind of capacity: one synth for each."""

    @cache
    def of(kind: str) -> dict[str, Any]:
        architecture = ARCHITECTURES.get(kind, "x86_64")
        return deployed(ON[kind], make_manifest(architecture=architecture))

    return of


def container(found: dict[str, Any]) -> dict[str, Any]:
    (only_one,) = only(found, "AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    return dict(only_one)


@pytest.mark.parametrize("kind", ON)
def test_a_task_is_confined_wherever_it_runs(on: Any, kind: str) -> None:
    task, server = only(on(kind), "AWS::ECS::TaskDefinition"), container(on(kind))
    assert task["NetworkMode"] == "awsvpc"
    assert server["ReadonlyRootFilesystem"] is True
    assert server["User"] == "10001:10001"
    assert server["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    assert not server.get("Privileged")
    (writable,) = server["LinuxParameters"]["Tmpfs"]
    assert writable["ContainerPath"] == "/tmp"
    assert {"nosuid", "nodev", "noexec"} <= set(writable["MountOptions"])


@pytest.mark.parametrize(
    ("kind", "compatible", "size"),
    [
        ("fargate", "FARGATE", ("1024", "2048")),
        ("gpu", "EC2", ("1536", "3000")),
        ("graviton", "EC2", ("1536", "3000")),
        ("managed", "MANAGED_INSTANCES", ("1536", "3000")),
    ],
)
def test_a_task_is_as_large_as_measured_or_as_configured(
    on: Any, kind: str, compatible: str, size: tuple[str, str]
) -> None:
    task = only(on(kind), "AWS::ECS::TaskDefinition")
    assert task["RequiresCompatibilities"] == [compatible]
    assert (task["Cpu"], task["Memory"]) == size
    environment = {e["Name"]: e["Value"] for e in container(on(kind))["Environment"]}
    assert float(environment["SERVER_VCPU"]) == int(size[0]) / 1024


def test_a_task_on_gpus_reserves_them_for_itself(on: Any) -> None:
    assert container(on("gpu"))["ResourceRequirements"] == [
        {"Type": "GPU", "Value": "1"}
    ]
    for kind in ("fargate", "graviton", "managed"):
        assert "ResourceRequirements" not in container(on(kind))


def test_the_image_is_of_the_runtime_and_another_on_gpus(on: Any) -> None:
    for kind, ending in (
        ("fargate", "lathe/support-sentiment/flask:support-sentiment-3f1c9a07be24"),
        ("gpu", "/tf_serving:support-sentiment-3f1c9a07be24-gpu"),
    ):
        assert container(on(kind))["Image"]["Fn::Join"][1][-1].endswith(ending)


def test_images_come_from_where_they_were_built(make_manifest: ManifestFactory) -> None:
    elsewhere = replace(SHOWN.delivery, account="210987654321", region="eu-west-1")
    image = str(container(deployed(FARGATE, make_manifest(), elsewhere))["Image"])
    assert "210987654321.dkr.ecr.eu-west-1." in image


def test_a_server_is_told_which_endpoint_of_which_stage_it_is(on: Any) -> None:
    environment = {
        e["Name"]: e["Value"] for e in container(on("fargate"))["Environment"]
    }
    assert environment["STAGE"] == "dev"
    assert environment["ENDPOINT"] == "support-sentiment"
    assert environment["MODEL_NAME"] == "support-sentiment"
    assert environment["MODEL_VERSION"] == "3f1c9a07be24"


@pytest.mark.parametrize(
    ("compute", "expected"),
    [
        (FargateConfig(), {"FARGATE": (0, 100)}),
        (FargateConfig(spot_percent=100), {"FARGATE_SPOT": (None, 100)}),
        (
            FargateConfig(spot_percent=75, on_demand_base=2),
            {"FARGATE": (2, 25), "FARGATE_SPOT": (None, 75)},
        ),
        (
            FargateConfig(spot_percent=100, on_demand_base=1),
            {"FARGATE": (1, 0), "FARGATE_SPOT": (None, 100)},
        ),
        (InstancesConfig("managed"), {"lathe-dev-managed": (None, 1)}),
    ],
)
def test_shares_of_tasks_are_on_demand_and_spot(
    compute: Compute, expected: dict[str, tuple[int | None, int]]
) -> None:
    shares = strategies(replace(ENDPOINT, compute=compute), Names("dev"))
    assert expected == {
        each.capacity_provider: (each.base, each.weight) for each in shares
    }


@pytest.mark.parametrize("kind", ON)
def test_a_service_names_its_capacity_and_no_launch_type(on: Any, kind: str) -> None:
    service = only(on(kind), "AWS::ECS::Service")
    assert "LaunchType" not in service
    (share,) = service["CapacityProviderStrategy"]
    name = "FARGATE" if kind == "fargate" else f"lathe-dev-{kind}"
    assert share["CapacityProvider"] == name


@pytest.mark.parametrize("kind", ON)
def test_every_kind_of_service_is_rolled_back_in_the_same_way(
    on: Any, kind: str
) -> None:
    deployment = only(on(kind), "AWS::ECS::Service")["DeploymentConfiguration"]
    assert deployment["Alarms"]["Rollback"] is True
    assert deployment["MinimumHealthyPercent"] == 100
    assert deployment["MaximumPercent"] == 200


@pytest.mark.parametrize(
    ("kind", "public"), [("fargate", "ENABLED"), ("gpu", "DISABLED"), ("managed", None)]
)
def test_only_fargate_gives_a_task_an_address_of_its_own(
    on: Any, kind: str, public: str | None
) -> None:
    network = only(on(kind), "AWS::ECS::Service")["NetworkConfiguration"]
    given = network["AwsvpcConfiguration"].get("AssignPublicIp", "DISABLED")
    assert given == (public or "DISABLED")
    assert len(network["AwsvpcConfiguration"]["Subnets"]) == 2


def test_tasks_on_instances_are_spread_over_zones_and_packed_within(on: Any) -> None:
    service = only(on("gpu"), "AWS::ECS::Service")
    assert [each["Type"] for each in service["PlacementStrategies"]] == [
        "spread",
        "binpack",
    ]


def test_arm_is_named_where_ecs_would_not_know(make_manifest: ManifestFactory) -> None:
    arm = replace(FARGATE, compute=FargateConfig(architecture="arm64"))
    found = deployed(arm, make_manifest(architecture="arm64"))
    platform = only(found, "AWS::ECS::TaskDefinition")["RuntimePlatform"]
    assert platform == {"CpuArchitecture": "ARM64", "OperatingSystemFamily": "LINUX"}
