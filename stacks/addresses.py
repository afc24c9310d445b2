"""A stage's network as its other stacks see it: by the parameters that it wrote."""

from __future__ import annotations

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from stacks.names import Names
from stacks.settings.stage import StageConfig

HTTPS = 443


@dataclass(frozen=True)
class Addresses:
    """Ids that CloudFormation reads when a stack is deployed."""

    vpc: ec2.IVpc
    subnets: tuple[ec2.ISubnet, ...]  # of tasks and instances, one a zone
    public: bool  # whether tasks and instances have public addresses there


def closed_group(
    scope: Construct, name: str, vpc: ec2.IVpc, description: str
) -> ec2.SecurityGroup:
    """Nothing comes in; what is inside reaches AWS's interfaces, at no fixed addresses."""
    group = ec2.SecurityGroup(
        scope, name, vpc=vpc, allow_all_outbound=False, description=description
    )
    group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(HTTPS))
    return group


def read_addresses(scope: Construct, stage: StageConfig, names: Names) -> Addresses:
    """Return where the stage's tasks run."""
    vpc = ec2.Vpc.from_vpc_attributes(
        scope,
        "Vpc",
        vpc_id=ssm.StringParameter.value_for_string_parameter(scope, names.vpc_id),
        availability_zones=list(stage.network.availability_zones),
    )
    subnets = read_subnets(scope, "Tasks", names.task_subnet_ids, stage)
    return Addresses(vpc, subnets, stage.network.public_tasks)


def read_subnets(
    scope: Construct, id_: str, parameter: str, stage: StageConfig
) -> tuple[ec2.ISubnet, ...]:
    """Return the subnets, one a zone, that a parameter of the network stack lists."""
    ids = ssm.StringListParameter.value_for_typed_list_parameter(
        scope, parameter, ssm.ParameterValueType.STRING
    )
    found = []
    for place, zone in enumerate(stage.network.availability_zones):
        subnet = ec2.Subnet.from_subnet_attributes(
            scope,
            f"{id_}Subnet{place + 1}",
            subnet_id=cdk.Fn.select(place, ids),
            availability_zone=zone,
        )
        cdk.Validations.of(subnet).acknowledge(
            cdk.Acknowledgment(
                id="Annotation::@aws-cdk/aws-ec2:noSubnetRouteTableId",
                reason="imported by id; no route is added to it",
            )
        )
        found.append(subnet)
    return tuple(found)
