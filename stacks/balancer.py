"""The load balancer of an endpoint, and its doors: callers to it, it to tasks."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.access import admit, guard
from stacks.addresses import Addresses
from stacks.runtimes import SERVERS
from stacks.settings.door import DoorConfig
from stacks.settings.endpoint import EndpointConfig

HTTPS, HTTP = 443, 80
TEST_PORT = 8081  # only the check function gets in, and before anybody else
LOG_DAYS = 90  # of who called


class Balancer(Construct):
    """Lets in the configured callers, and nobody else.

    `target_groups` are one, or two where requests shift from one release to the next;
    `rule` and `test_rule` are what ECS points from one to the other.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        where: Addresses,
        facing: Sequence[ec2.ISubnet],
        config: EndpointConfig,
    ) -> None:
        super().__init__(scope, id_)
        door, self._server = config.door, SERVERS[config.runtime]
        self._vpc = where.vpc
        self.callers, self.tasks = self._group("Callers"), self._group("Tasks")
        self._connect(door)
        self.load_balancer = elbv2.ApplicationLoadBalancer(
            self,
            "LoadBalancer",
            vpc=where.vpc,
            internet_facing=not door.internal,
            vpc_subnets=ec2.SubnetSelection(subnets=list(facing)),
            security_group=self.callers,
            drop_invalid_header_fields=True,
            deletion_protection=door.protected,
            idle_timeout=cdk.Duration.seconds(45),  # each server keeps alive longer
        )
        names = ("Blue", "Green") if config.rollout.shifts else ("Targets",)
        self.target_groups = [self._targets(name, config.model) for name in names]
        self.listener = self._listen(door)
        self.rule = admit(self.listener, door.access, self.target_groups[0])
        for group in self.target_groups[1:]:  # ECS attaches it, and metrics ask whose
            group.register_listener(self.listener)
        self.checker, self.test_rule = None, None
        if config.rollout.checked:
            self.checker, self.test_rule = self._listen_to_checks()
        if door.access_logs:
            self.load_balancer.log_access_logs(_log_bucket(self))
        if door.waf:
            guard(self, self.load_balancer, door)
        scheme = "https" if door.certificate_arn else "http"
        name = self.load_balancer.load_balancer_dns_name
        self.address = f"{scheme}://{name}"
        self.test_address = f"http://{name}:{TEST_PORT}"

    def _group(self, name: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(
            self, name, vpc=self._vpc, allow_all_outbound=False, description=name
        )

    def _connect(self, door: DoorConfig) -> None:
        """Callers reach the balancer, it reaches the tasks, and they what they need."""
        port = ec2.Port.tcp(self._server.port)
        # To fetch the image and write the log: AWS's interfaces have no fixed addresses.
        self.tasks.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(HTTPS))
        for block in door.callers:
            for open_ in _ports(door):
                self.callers.add_ingress_rule(ec2.Peer.ipv4(block), ec2.Port.tcp(open_))
        self.callers.add_egress_rule(self.tasks, port)
        self.tasks.add_ingress_rule(self.callers, port)

    def _targets(self, name: str, model: str) -> elbv2.ApplicationTargetGroup:
        return elbv2.ApplicationTargetGroup(
            self,
            name,
            vpc=self._vpc,
            port=self._server.port,
            protocol=elbv2.ApplicationProtocol.HTTP,
            target_type=elbv2.TargetType.IP,
            deregistration_delay=cdk.Duration.seconds(30),
            health_check=elbv2.HealthCheck(
                path=self._server.ready_path(model),
                interval=cdk.Duration.seconds(10),
                timeout=cdk.Duration.seconds(5),
                healthy_threshold_count=2,
                unhealthy_threshold_count=3,
            ),
        )

    def _listen(self, door: DoorConfig) -> elbv2.ApplicationListener:
        """Answer callers; who is not let in by a rule gets 403."""
        refusal = elbv2.ListenerAction.fixed_response(
            403, content_type="application/json", message_body='{"error": "forbidden"}'
        )
        if not door.certificate_arn:
            return self.load_balancer.add_listener(
                "Listener", port=HTTP, open=False, default_action=refusal
            )
        if not door.internal:
            self.load_balancer.add_redirect(
                source_port=HTTP, target_port=HTTPS, open=False
            )
        return self.load_balancer.add_listener(
            "Listener",
            port=HTTPS,  # which says the protocol too
            certificates=[elbv2.ListenerCertificate(door.certificate_arn)],
            ssl_policy=elbv2.SslPolicy.TLS13_12_PQ,
            open=False,
            default_action=refusal,
        )

    def _listen_to_checks(
        self,
    ) -> tuple[ec2.SecurityGroup, elbv2.ApplicationListenerRule]:
        checker = self._group("Checker")
        self.callers.add_ingress_rule(checker, ec2.Port.tcp(TEST_PORT))
        checker.add_egress_rule(self.callers, ec2.Port.tcp(TEST_PORT))
        listener = self.load_balancer.add_listener(
            "Test",
            port=TEST_PORT,
            protocol=elbv2.ApplicationProtocol.HTTP,
            open=False,
            default_action=elbv2.ListenerAction.fixed_response(404),
        )
        return checker, admit(listener, None, self.target_groups[0])


def _ports(door: DoorConfig) -> tuple[int, ...]:
    if not door.certificate_arn:
        return (HTTP,)
    return (HTTPS,) if door.internal else (HTTPS, HTTP)


def _log_bucket(scope: Construct) -> s3.Bucket:
    """Kept when the endpoint is destroyed: who called may be asked for later."""
    return s3.Bucket(
        scope,
        "AccessLogs",
        encryption=s3.BucketEncryption.S3_MANAGED,  # all that balancers can write to
        enforce_ssl=True,
        minimum_tls_version=1.2,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        lifecycle_rules=[s3.LifecycleRule(expiration=cdk.Duration.days(LOG_DAYS))],
        removal_policy=cdk.RemovalPolicy.RETAIN,
    )
