"""The network of a stage: one it makes, or the ids of one that is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from stacks.names import Names
from stacks.retention import retention
from stacks.settings.network import ExistingVpc, NewVpc
from stacks.settings.stage import StageConfig

TASKS, BALANCERS = "tasks", "balancers"

# What a task calls while it starts and runs; image layers come by the S3 gateway.
INTERFACES = {
    "EcrApi": ec2.InterfaceVpcEndpointAwsService.ECR,
    "EcrDocker": ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER,
    "Logs": ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
}
# What an instance's agent calls besides.
AGENT_INTERFACES = {
    "Ecs": ec2.InterfaceVpcEndpointAwsService.ECS,
    "EcsAgent": ec2.InterfaceVpcEndpointAwsService.ECS_AGENT,
    "EcsTelemetry": ec2.InterfaceVpcEndpointAwsService.ECS_TELEMETRY,
}
# Where an instance's CloudWatch agent says how busy its GPUs are.
GPU_INTERFACES = {"Metrics": ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_MONITORING}
# What a worker calls beside S3, whose endpoint is a gateway.
QUEUE_INTERFACES = {"Queues": ec2.InterfaceVpcEndpointAwsService.SQS}
TOPIC_INTERFACES = {"Topics": ec2.InterfaceVpcEndpointAwsService.SNS}


class NetworkStack(cdk.Stack):
    """Writes the ids that cluster and endpoints read, wherever they come from."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        config: StageConfig,
        names: Names,
        **kwargs: Any,
    ) -> None:
        self._zones = list(config.network.availability_zones)
        super().__init__(scope, id_, **kwargs)
        network = config.network
        internet = any(not each.door.internal for each in config.balanced)
        if isinstance(network, ExistingVpc):
            vpc_id = network.vpc_id
            tasks = list(network.task_subnet_ids)
            balancers = list(network.balancer_subnet_ids)
        else:
            vpc = _vpc(self, network, internet, _interfaces(config))
            if network.flow_logs:
                _log_flows(vpc, config.log_days)
            vpc_id, tasks = vpc.vpc_id, _ids(vpc, TASKS)
            outside = internet and not network.public_tasks
            balancers = _ids(vpc, BALANCERS) if outside else tasks
        ssm.StringParameter(
            self, "VpcId", parameter_name=names.vpc_id, string_value=vpc_id
        )
        for id_, name, ids in (
            ("TaskSubnetIds", names.task_subnet_ids, tasks),
            ("BalancerSubnetIds", names.balancer_subnet_ids, balancers),
        ):
            ssm.StringListParameter(
                self, id_, parameter_name=name, string_list_value=ids
            )

    @property
    def availability_zones(self) -> list[str]:
        """Ours, so that Vpc does not ask the account for them at synth."""
        return self._zones


def _interfaces(
    config: StageConfig,
) -> dict[str, ec2.InterfaceVpcEndpointAwsService]:
    wanted = dict(INTERFACES)
    if config.pools:
        wanted |= AGENT_INTERFACES
    if any(pool.reports_gpus for pool in config.pools):
        wanted |= GPU_INTERFACES
    if config.queued:
        wanted |= QUEUE_INTERFACES
    if any(each.submissions.topic for each in config.queued):
        wanted |= TOPIC_INTERFACES
    return wanted


def _vpc(
    stack: cdk.Stack,
    network: NewVpc,
    internet: bool,
    interfaces: Mapping[str, ec2.InterfaceVpcEndpointAwsService],
) -> ec2.Vpc:
    vpc = ec2.Vpc(
        stack,
        "Vpc",
        ip_addresses=ec2.IpAddresses.cidr(network.cidr),
        availability_zones=list(network.availability_zones),
        nat_gateways=network.nat_gateways if network.kind == "private-nat" else 0,
        subnet_configuration=_subnets(network, internet),
        # Image layers come from S3; the endpoint is free.
        gateway_endpoints={
            "S3": ec2.GatewayVpcEndpointOptions(
                service=ec2.GatewayVpcEndpointAwsService.S3
            )
        },
        restrict_default_security_group=False,  # its Lambda costs a role and a runtime
    )
    if network.kind == "private-endpoints":
        _add_interfaces(vpc, network.cidr, interfaces)
    cdk.Validations.of(stack).acknowledge(
        cdk.Acknowledgment(
            id="CloudFormation-Validate::W3010",
            reason="zones are spelled out, so that synth asks no account for them",
        )
    )
    return vpc


def _add_interfaces(
    vpc: ec2.Vpc, cidr: str, wanted: Mapping[str, ec2.InterfaceVpcEndpointAwsService]
) -> None:
    door = ec2.SecurityGroup(
        vpc,
        "Interfaces",
        vpc=vpc,
        allow_all_outbound=False,
        description="Interfaces of AWS services",
    )
    door.add_ingress_rule(ec2.Peer.ipv4(cidr), ec2.Port.tcp(443))
    for name, service in wanted.items():
        vpc.add_interface_endpoint(
            name, service=service, security_groups=[door], open=False
        )


def _subnets(network: NewVpc, internet: bool) -> list[ec2.SubnetConfiguration]:
    """One group where tasks are public; else theirs, and one that faces the internet."""
    kinds = ec2.SubnetType
    public = ec2.SubnetConfiguration(
        name=BALANCERS, subnet_type=kinds.PUBLIC, cidr_mask=24
    )
    if network.kind == "public":
        return [
            ec2.SubnetConfiguration(name=TASKS, subnet_type=kinds.PUBLIC, cidr_mask=24)
        ]
    nat = network.kind == "private-nat"
    tasks = ec2.SubnetConfiguration(
        name=TASKS,
        subnet_type=kinds.PRIVATE_WITH_EGRESS if nat else kinds.PRIVATE_ISOLATED,
        cidr_mask=24,
    )
    return [tasks, public] if nat or internet else [tasks]


def _log_flows(vpc: ec2.Vpc, days: int) -> None:
    log = logs.LogGroup(
        vpc,
        "FlowLog",
        retention=retention(days),
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    vpc.add_flow_log(
        "Flows", destination=ec2.FlowLogDestination.to_cloud_watch_logs(log)
    )


def _ids(vpc: ec2.Vpc, group: str) -> list[str]:
    return vpc.select_subnets(subnet_group_name=group).subnet_ids
