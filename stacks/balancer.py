"""The load balancer of an endpoint, and the two doors: callers to it, it to tasks."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from stacks.runtimes import SERVERS
from stacks.settings.endpoint import EndpointConfig

HTTPS = 443


class Balancer(Construct):
    """Lets in the configured callers, and nobody else."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        vpc: ec2.IVpc,
        subnets: Sequence[ec2.ISubnet],
        config: EndpointConfig,
    ) -> None:
        super().__init__(scope, id_)
        server = SERVERS[config.runtime]
        certificate = config.door.certificate_arn
        port = HTTPS if certificate else 80
        door = ec2.SecurityGroup(
            self, "Callers", vpc=vpc, allow_all_outbound=False, description="Callers"
        )
        self.tasks = ec2.SecurityGroup(
            self, "Tasks", vpc=vpc, allow_all_outbound=False, description="Tasks"
        )
        # To fetch the image and write the log: AWS's interfaces have no fixed addresses.
        self.tasks.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(HTTPS))
        for block in config.door.callers:
            door.add_ingress_rule(ec2.Peer.ipv4(block), ec2.Port.tcp(port))
        door.add_egress_rule(self.tasks, ec2.Port.tcp(server.port))
        self.tasks.add_ingress_rule(door, ec2.Port.tcp(server.port))

        self.load_balancer = elbv2.ApplicationLoadBalancer(
            self,
            "LoadBalancer",
            vpc=vpc,
            internet_facing=not config.door.internal,
            vpc_subnets=ec2.SubnetSelection(subnets=list(subnets)),
            security_group=door,
            drop_invalid_header_fields=True,
            idle_timeout=cdk.Duration.seconds(60),  # the server keeps alive longer
        )
        self.targets = elbv2.ApplicationTargetGroup(
            self,
            "Targets",
            vpc=vpc,
            port=server.port,
            protocol=elbv2.ApplicationProtocol.HTTP,
            target_type=elbv2.TargetType.IP,
            deregistration_delay=cdk.Duration.seconds(30),
            health_check=elbv2.HealthCheck(
                path=server.ready_path(config.model),
                interval=cdk.Duration.seconds(10),
                timeout=cdk.Duration.seconds(5),
                healthy_threshold_count=2,
                unhealthy_threshold_count=3,
            ),
        )
        self.listener = self.load_balancer.add_listener(
            "Listener",
            port=port,  # which says the protocol too
            certificates=[elbv2.ListenerCertificate(certificate)]
            if certificate
            else None,
            open=False,
            default_target_groups=[self.targets],
        )
        scheme = "https" if certificate else "http"
        self.address = f"{scheme}://{self.load_balancer.load_balancer_dns_name}"
