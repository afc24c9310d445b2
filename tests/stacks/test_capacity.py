"""Pools of instances: closed, encrypted, sized by ECS, and gone when destroyed."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions

from stacks.cluster import ClusterStack
from stacks.names import Names
from stacks.settings.compute import PoolConfig
from stacks.settings.network import ExistingVpc, NewVpc
from stacks.settings.stage import StageConfig
from tests.stacks.conftest import DEMO, DEV, of_type, only

GPU = PoolConfig(
    "gpu", ("g6.xlarge", "g5.xlarge", "g4dn.xlarge"), 1, 4, spot_percent=50
)
GRAVITON = PoolConfig("graviton", ("c7g.xlarge", "m7g.xlarge"), 0, 3)
MANAGED = PoolConfig(
    "managed", ("g6.xlarge",), 0, 2, spot_percent=100, disk_gib=80, managed=True
)
AMI = "/aws/service/ecs/optimized-ami/amazon-linux-2023/"


def cluster(*pools: PoolConfig, stage: StageConfig = DEV) -> dict[str, Any]:
    config = replace(stage, pools=pools, endpoints=())
    app = cdk.App(analytics_reporting=False)
    stack = ClusterStack(
        app,
        "cluster",
        config=config,
        names=Names(config.name),
        env=cdk.Environment(region=config.region),
    )
    found: dict[str, Any] = assertions.Template.from_stack(stack).to_json()
    return found


@pytest.fixture(scope="module")
def gpu() -> dict[str, Any]:
    return cluster(GPU, stage=DEMO)


@pytest.fixture(scope="module")
def graviton() -> dict[str, Any]:
    return cluster(GRAVITON)


@pytest.fixture(scope="module")
def managed() -> dict[str, Any]:
    return cluster(MANAGED)


def launched(found: dict[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = only(found, "AWS::EC2::LaunchTemplate")["LaunchTemplateData"]
    return data


def script(found: dict[str, Any]) -> str:
    return str(launched(found)["UserData"]["Fn::Base64"])


def test_instances_answer_only_to_the_newer_metadata_service_and_to_no_container(
    gpu: dict[str, Any],
) -> None:
    assert launched(gpu)["MetadataOptions"] == {
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 1,
    }
    assert "ECS_AWSVPC_BLOCK_IMDS=true" in script(gpu)


def test_disks_are_encrypted(gpu: dict[str, Any]) -> None:
    (disk,) = launched(gpu)["BlockDeviceMappings"]
    assert disk["Ebs"] == {
        "Encrypted": True,
        "VolumeSize": GPU.disk_gib,
        "VolumeType": "gp3",
    }


@pytest.mark.parametrize("pool", [GPU, GRAVITON, MANAGED], ids=lambda pool: pool.name)
def test_nothing_can_connect_to_an_instance_and_it_reaches_https_alone(
    pool: PoolConfig,
) -> None:
    found = cluster(pool)
    group = only(found, "AWS::EC2::SecurityGroup")
    assert "SecurityGroupIngress" not in group
    assert not of_type(found, "AWS::EC2::SecurityGroupIngress")
    ports = {
        (rule["FromPort"], rule["ToPort"]) for rule in group["SecurityGroupEgress"]
    }
    assert ports == {(443, 443)}
    assert "KeyName" not in str(found)


def test_the_image_is_the_newest_of_its_kind_when_it_is_deployed(
    gpu: dict[str, Any], graviton: dict[str, Any]
) -> None:
    plain = cluster(replace(GRAVITON, instance_types=("c7i.large", "m7i.large")))
    for found, kind in ((gpu, "gpu/"), (graviton, "arm64/"), (plain, "")):
        image = found["Parameters"][launched(found)["ImageId"]["Ref"]]
        assert image["Type"] == "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>"
        assert image["Default"] == f"{AMI}{kind}recommended/image_id"


def test_instances_are_any_of_the_types_listed_part_of_them_spot(
    gpu: dict[str, Any],
) -> None:
    group = only(gpu, "AWS::AutoScaling::AutoScalingGroup")
    policy = group["MixedInstancesPolicy"]
    types = [each["InstanceType"] for each in policy["LaunchTemplate"]["Overrides"]]
    assert types == list(GPU.instance_types)
    assert policy["InstancesDistribution"] == {
        "OnDemandAllocationStrategy": "prioritized",
        "OnDemandBaseCapacity": 0,
        "OnDemandPercentageAboveBaseCapacity": 50,
        "SpotAllocationStrategy": "price-capacity-optimized",
    }
    assert group["CapacityRebalance"] is True
    assert (group["MinSize"], group["MaxSize"]) == ("1", "4")


def test_ecs_sizes_a_pool_and_drains_what_is_to_go(gpu: dict[str, Any]) -> None:
    provider = only(gpu, "AWS::ECS::CapacityProvider")["AutoScalingGroupProvider"]
    assert provider["ManagedScaling"] == {"Status": "ENABLED", "TargetCapacity": 100}
    assert provider["ManagedDraining"] == "ENABLED"


def test_no_protection_is_left_on_an_instance_that_is_to_be_destroyed(
    gpu: dict[str, Any],
) -> None:
    """ECS would not take it back: the deletion of the group would never end."""
    provider = only(gpu, "AWS::ECS::CapacityProvider")["AutoScalingGroupProvider"]
    assert provider["ManagedTerminationProtection"] == "DISABLED"
    group = only(gpu, "AWS::AutoScaling::AutoScalingGroup")
    assert group["NewInstancesProtectedFromScaleIn"] is False


def test_a_cluster_is_deleted_after_its_instances(
    gpu: dict[str, Any], managed: dict[str, Any]
) -> None:
    """ECS deletes no cluster that an instance is registered with."""
    for found, kind in (
        (gpu, "AWS::AutoScaling::AutoScalingGroup"),
        (managed, "AWS::ECS::CapacityProvider"),
    ):
        (pool,) = (r for r in found["Resources"].values() if r["Type"] == kind)
        assert "Cluster" in pool["DependsOn"]


def test_an_instance_joins_its_cluster(gpu: dict[str, Any]) -> None:
    assert "echo ECS_CLUSTER=lathe-demo >> /etc/ecs/ecs.config" in script(gpu)


def test_an_instance_with_gpus_offers_and_reports_them(
    gpu: dict[str, Any], graviton: dict[str, Any]
) -> None:
    assert "ECS_ENABLE_GPU_SUPPORT=true" in script(gpu)
    assert '"append_dimensions": {"pool": "lathe-demo-gpu"}' in script(gpu)
    assert "GPU" not in script(graviton)
    assert "cloudwatch" not in script(graviton)


def test_the_script_of_an_instance_runs_and_a_missing_package_stops_nothing(
    gpu: dict[str, Any], tmp_path: Path
) -> None:
    """The real script in the real shell, on other folders; here dnf is not found."""
    (tmp_path / "etc" / "ecs").mkdir(parents=True)
    text = script(gpu).replace(" /etc/", f" {tmp_path}/etc/")
    ran = subprocess.run(
        ["/bin/bash", "-e"],
        input=text,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "no metrics of GPUs\n"
    settings = (tmp_path / "etc" / "ecs" / "ecs.config").read_text().splitlines()
    assert dict(line.split("=") for line in settings)["ECS_CLUSTER"] == "lathe-demo"
    agent = json.loads((tmp_path / "etc" / "gpu-metrics.json").read_text())
    measured = agent["metrics"]["metrics_collected"]["nvidia_gpu"]
    assert measured["append_dimensions"] == {"pool": "lathe-demo-gpu"}


def statements(found: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Every action that a role of the template may do, on what, and when."""
    return [
        (action, str(statement["Resource"]), statement.get("Condition", {}))
        for policy in of_type(found, "AWS::IAM::Policy")
        for statement in policy["PolicyDocument"]["Statement"]
        for action in (
            [statement["Action"]]
            if isinstance(statement["Action"], str)
            else statement["Action"]
        )
    ]


def test_an_instance_may_join_its_own_cluster_and_be_logged_in_to_and_nothing_else(
    gpu: dict[str, Any],
) -> None:
    everywhere = {
        "cloudwatch:PutMetricData",
        "ecs:DiscoverPollEndpoint",
        "ssm:UpdateInstanceInformation",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
    }
    for action, resource, condition in statements(gpu):
        assert (resource == "*") is (action in everywhere), action
        assert resource == "*" or "/lathe-demo" in resource
        if action == "cloudwatch:PutMetricData":
            assert condition == {"StringEquals": {"cloudwatch:namespace": "CWAgent"}}
        assert action.startswith(("ecs:", "ssm", "cloudwatch:Put")), action
    (role,) = of_type(gpu, "AWS::IAM::Role")
    assert "ManagedPolicyArns" not in role


def test_an_instance_that_ecs_manages_may_join_its_own_cluster_and_nothing_else(
    managed: dict[str, Any],
) -> None:
    for action, resource, _ in statements(managed):
        assert action.startswith("ecs:"), action
        assert (resource == "*") is (action == "ecs:DiscoverPollEndpoint")
        assert resource == "*" or "/lathe-dev" in resource
    # ECS may pass on no role of another name.
    names = [role.get("RoleName") for role in of_type(managed, "AWS::IAM::Role")]
    assert "ecsInstanceRole-lathe-dev-managed" in names


def test_an_instance_has_a_public_address_only_where_tasks_have_one() -> None:
    network = DEV.network
    assert isinstance(network, NewVpc)
    there = ExistingVpc(
        "vpc-0123456789abcdef0",
        ("us-east-1a", "us-east-1b"),
        ("subnet-0123456789abcdef0", "subnet-0123456789abcdef1"),
        ("subnet-0123456789abcdef2", "subnet-0123456789abcdef3"),
        public_tasks=True,
    )
    for stage, public in (
        (DEV, True),
        (replace(DEV, network=replace(network, kind="private-nat")), False),
        (replace(DEV, network=there), True),
    ):
        (card,) = launched(cluster(GRAVITON, stage=stage))["NetworkInterfaces"]
        assert card["AssociatePublicIpAddress"] is public


def test_managed_instances_have_the_same_fields(managed: dict[str, Any]) -> None:
    provider = only(managed, "AWS::ECS::CapacityProvider")
    assert provider["Name"] == "lathe-dev-managed"
    assert provider["ClusterName"] == "lathe-dev"
    template = provider["ManagedInstancesProvider"]["InstanceLaunchTemplate"]
    assert template["CapacityOptionType"] == "SPOT"
    assert template["StorageConfiguration"] == {"StorageSizeGiB": 80}
    requirements = template["InstanceRequirements"]
    assert requirements["AllowedInstanceTypes"] == ["g6.xlarge"]
    joined = only(managed, "AWS::ECS::ClusterCapacityProviderAssociations")
    # ECS joins them by itself, and refuses to be told.
    assert joined["CapacityProviders"] == ["FARGATE", "FARGATE_SPOT"]
