"""The network of a stage: public subnets, no NAT gateway, nothing let in by itself."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from stacks.config import StageConfig
from stacks.names import Names


class NetworkStack(cdk.Stack):
    """Tasks have public addresses to fetch images by; security groups keep others out.

    A NAT gateway would cost more than the tasks (33 dollars a month and data).
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        config: StageConfig,
        names: Names,
        **kwargs: Any,
    ) -> None:
        self._zones = list(config.availability_zones)
        super().__init__(scope, id_, **kwargs)
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(config.vpc_cidr),
            availability_zones=self._zones,
            nat_gateways=0,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="public", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=24
                )
            ],
            # Image layers come from S3; the endpoint is free.
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(
                    service=ec2.GatewayVpcEndpointAwsService.S3
                )
            },
            restrict_default_security_group=False,  # its Lambda costs a role and a runtime
        )
        cdk.Validations.of(self).acknowledge(
            cdk.Acknowledgment(
                id="CloudFormation-Validate::W3010",
                reason="zones are spelled out, so that synth asks no account for them",
            )
        )
        subnets = [subnet.subnet_id for subnet in self.vpc.public_subnets]
        ssm.StringParameter(
            self, "VpcId", parameter_name=names.vpc_id, string_value=self.vpc.vpc_id
        )
        ssm.StringListParameter(
            self,
            "SubnetIds",
            parameter_name=names.subnet_ids,
            string_list_value=subnets,
        )

    @property
    def availability_zones(self) -> list[str]:
        """Ours, so that Vpc does not ask the account for them at synth."""
        return self._zones
