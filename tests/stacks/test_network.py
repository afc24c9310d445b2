"""Where addresses come from: one field of the stage, and what it costs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stacks.settings.network import ExistingVpc, NetworkKind, NewVpc
from stacks.settings.stage import StageConfig
from tests.stacks.conftest import (
    DEMO,
    DEV,
    PROD,
    SHOWN,
    of_type,
    only,
    synthesize,
    template,
)


def gateways(network: dict[str, Any]) -> list[str]:
    return [
        each["ServiceName"]["Fn::Join"][1][-1]
        for each in of_type(network, "AWS::EC2::VPCEndpoint")
        if each["VpcEndpointType"] == "Gateway"
    ]


def interfaces(network: dict[str, Any]) -> set[str]:
    return {
        each["ServiceName"].removeprefix("com.amazonaws.us-east-1.")
        for each in of_type(network, "AWS::EC2::VPCEndpoint")
        if each["VpcEndpointType"] == "Interface"
    }


def test_every_network_fetches_image_layers_by_the_free_gateway(assembly: Path) -> None:
    for stage in (DEV, PROD, DEMO):
        assert gateways(template(assembly, f"{stage.name}-network")) == [".s3"]


def test_a_public_network_costs_nothing_while_idle(assembly: Path) -> None:
    network = template(assembly, "dev-network")
    assert not of_type(network, "AWS::EC2::NatGateway")
    assert not interfaces(network)
    assert len(of_type(network, "AWS::EC2::Subnet")) == 2


def test_private_tasks_go_out_by_as_many_nat_gateways_as_asked_for(
    assembly: Path,
) -> None:
    network = template(assembly, "prod-network")
    assert len(of_type(network, "AWS::EC2::NatGateway")) == 1
    assert not interfaces(network)
    public = [s["MapPublicIpOnLaunch"] for s in of_type(network, "AWS::EC2::Subnet")]
    assert sorted(public) == [False] * 3 + [True] * 3


def test_tasks_without_a_way_out_reach_the_services_they_need(assembly: Path) -> None:
    network = template(assembly, "demo-network")
    assert not of_type(network, "AWS::EC2::NatGateway")
    assert {"ecr.api", "ecr.dkr", "logs"} <= interfaces(network)
    agents = {"ecs", "ecs-agent", "ecs-telemetry", "monitoring"}
    assert agents <= interfaces(network)  # it has a pool of GPUs


def synthesized(tmp_path: Path, stage: StageConfig) -> dict[str, Any]:
    alone = replace(SHOWN.delivery, promotions=())
    out = synthesize(
        tmp_path, tmp_path, replace(SHOWN, delivery=alone, stages=(stage,))
    )
    return template(out, f"{stage.name}-network")


def test_no_public_subnet_where_nothing_faces_the_internet(tmp_path: Path) -> None:
    network = replace(DEV.network, kind="private-endpoints")
    found = synthesized(tmp_path, replace(DEV, network=network))
    assert not of_type(found, "AWS::EC2::InternetGateway")
    assert interfaces(found) == {"ecr.api", "ecr.dkr", "logs"}


def test_a_network_that_is_there_is_named_by_its_ids_alone(tmp_path: Path) -> None:
    there = ExistingVpc(
        vpc_id="vpc-0123456789abcdef0",
        availability_zones=("us-east-1a", "us-east-1b"),
        task_subnet_ids=("subnet-0123456789abcdef0", "subnet-0123456789abcdef1"),
        balancer_subnet_ids=("subnet-0123456789abcdef2", "subnet-0123456789abcdef3"),
        public_tasks=False,
    )
    found = synthesized(tmp_path, replace(DEV, network=there))
    assert {r["Type"] for r in found["Resources"].values()} <= {
        "AWS::SSM::Parameter",
        "AWS::CDK::Metadata",
    }
    values = {p["Name"]: p["Value"] for p in of_type(found, "AWS::SSM::Parameter")}
    assert values == {
        "/lathe/dev/network/vpc-id": there.vpc_id,
        "/lathe/dev/network/task-subnet-ids": ",".join(there.task_subnet_ids),
        "/lathe/dev/network/balancer-subnet-ids": ",".join(there.balancer_subnet_ids),
    }


def test_flows_are_logged_where_the_stage_pays_for_it(assembly: Path) -> None:
    assert not of_type(template(assembly, "dev-network"), "AWS::EC2::FlowLog")
    prod = template(assembly, "prod-network")
    assert only(prod, "AWS::EC2::FlowLog")["TrafficType"] == "ALL"
    assert only(prod, "AWS::Logs::LogGroup")["RetentionInDays"] == PROD.log_days


@pytest.mark.parametrize("kind", ["public", "private-nat", "private-endpoints"])
def test_internal_balancers_stand_where_tasks_do(
    tmp_path: Path, kind: NetworkKind
) -> None:
    assert isinstance(DEV.network, NewVpc)
    found = synthesized(tmp_path, replace(DEV, network=replace(DEV.network, kind=kind)))
    lists = {
        p["Name"].rpartition("/")[2]: p["Value"]
        for p in of_type(found, "AWS::SSM::Parameter")
    }
    assert lists["balancer-subnet-ids"] == lists["task-subnet-ids"]
