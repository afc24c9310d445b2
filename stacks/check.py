"""Who asks a release for the answers of its build, before requests are let through."""

from __future__ import annotations

import json
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from manifest import Manifest
from stacks.addresses import Addresses
from stacks.balancer import Balancer
from stacks.names import artifact_bucket
from stacks.retention import retention
from stacks.settings.delivery import DeliveryConfig
from stacks.settings.endpoint import EndpointConfig
from stacks.settings.stage import StageConfig

SOURCE = Path(__file__).parent / "functions" / "check"
TIMEOUT_MINUTES = 15  # of the hook; without it ECS would wait for a day

# What Lambda itself needs to join a VPC; none of them can be told which one.
INTERFACES = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)


class AnswersCheck(Construct):
    """A function in the VPC that only the test listener lets in.

    It costs nothing until it is called. Called by a person or a pipeline with {}, it
    answers whether the endpoint runs the release that was deployed with it.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        where: Addresses,
        balancer: Balancer,
        stage: StageConfig,
        config: EndpointConfig,
        release: Manifest,
        delivery: DeliveryConfig,
    ) -> None:
        super().__init__(scope, id_)
        group = balancer.checker
        assert group is not None
        # S3's addresses are not fixed; its gateway endpoint is how they are reached.
        group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443))
        bucket = artifact_bucket(delivery)
        self._shifts = config.rollout.shifts
        self._name = f"{cdk.Stack.of(self).stack_name}-check"
        self._release = _said(release, config)
        log = logs.LogGroup(
            self,
            "Log",
            retention=retention(stage.log_days),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        role = self._role(log, bucket, release.name, delivery)
        self.function = self._function(where, group, log, role)
        for name, value in {
            "BUCKET": bucket,
            "REGION": delivery.region,
            "RELEASE": self._release,
            "TOLERANCE": str(config.rollout.tolerance),
            "URL": balancer.test_address,
        }.items():
            self.function.add_environment(name, value)

    def _function(
        self,
        where: Addresses,
        group: ec2.SecurityGroup,
        log: logs.LogGroup,
        role: iam.Role,
    ) -> lambda_.Function:
        return lambda_.Function(
            self,
            "Function",
            function_name=self._name,
            description="Does the endpoint answer as its release did when it was built?",
            code=lambda_.Code.from_asset(str(SOURCE), exclude=["__pycache__"]),
            handler="handler.handle",
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=lambda_.Architecture.ARM_64,
            memory_size=256,
            timeout=cdk.Duration.minutes(3),
            vpc=where.vpc,
            vpc_subnets=ec2.SubnetSelection(subnets=list(where.subnets)),
            allow_public_subnet=True,  # it calls S3's gateway and the load balancer only
            security_groups=[group],
            role=role,
            log_group=log,
        )

    def hook_into(self, service: ecs.BaseService) -> None:
        """Let ECS ask before it shifts requests, on behalf of what it then deploys.

        A rolling deployment shifts none: it is asked once it is done, by whoever did it.
        """
        if not self._shifts:
            return
        stage = ecs.DeploymentLifecycleStage.POST_TEST_TRAFFIC_SHIFT
        service.add_lifecycle_hook(
            ecs.DeploymentLifecycleLambdaTarget(
                self.function, "Check", lifecycle_stages=[stage], role=self._caller()
            )
        )
        resource = service.node.default_child
        assert isinstance(resource, ecs.CfnService)
        # The L2 hook has no such fields yet (aws-cdk 37698).
        hook = "DeploymentConfiguration.LifecycleHooks.0"
        resource.add_property_override(f"{hook}.HookDetails", self._release)
        limit = {"TimeoutInMinutes": TIMEOUT_MINUTES, "Action": "ROLLBACK"}
        resource.add_property_override(f"{hook}.TimeoutConfiguration", limit)

    def _caller(self) -> iam.Role:
        """ECS, which may call this function; not any version of it."""
        return iam.Role(
            self,
            "Caller",
            assumed_by=iam.ServicePrincipal("ecs.amazonaws.com"),
            inline_policies={
                "Call": _policy(
                    iam.PolicyStatement(
                        actions=["lambda:InvokeFunction"],
                        resources=[self.function.function_arn],
                    )
                )
            },
        )

    def _role(
        self, log: logs.LogGroup, bucket: str, model: str, delivery: DeliveryConfig
    ) -> iam.Role:
        """May read what builds of this model published, and write its log."""
        stack = cdk.Stack.of(self)
        samples = f"arn:{stack.partition}:s3:::{bucket}/releases/{model}/*"
        itself = stack.format_arn(
            service="lambda",
            resource="function",
            resource_name=self._name,
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        statements = [
            iam.PolicyStatement(
                actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                resources=[log.log_group_arn],
            ),
            iam.PolicyStatement(actions=["s3:GetObject"], resources=[samples]),
            iam.PolicyStatement(actions=list(INTERFACES), resources=["*"]),
            # Lambda may, before the function runs; its code may not.
            iam.PolicyStatement(
                effect=iam.Effect.DENY,
                actions=list(INTERFACES),
                resources=["*"],
                conditions={"ArnEquals": {"lambda:SourceFunctionArn": itself}},
            ),
        ]
        if delivery.customer_key:
            statements.append(_decrypt(delivery))
        return iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            inline_policies={"Check": _policy(*statements)},
        )


def _said(release: Manifest, config: EndpointConfig) -> str:
    said = {
        "model": release.name,
        "version": release.version,
        "runtime": config.runtime,
    }
    return json.dumps(said)


def _decrypt(delivery: DeliveryConfig) -> iam.PolicyStatement:
    """Through S3 only, with the one key that the registry's alias names."""
    account = delivery.account or cdk.Aws.ACCOUNT_ID
    keys = f"arn:{cdk.Aws.PARTITION}:kms:{delivery.region}:{account}:key/*"
    through = f"s3.{delivery.region}.{cdk.Aws.URL_SUFFIX}"
    return iam.PolicyStatement(
        actions=["kms:Decrypt"],
        resources=[keys],
        conditions={
            "StringEquals": {"kms:ViaService": through},
            "ForAnyValue:StringEquals": {
                "kms:ResourceAliases": "alias/lathe/artifacts"
            },
        },
    )


def _policy(*statements: iam.PolicyStatement) -> iam.PolicyDocument:
    return iam.PolicyDocument(statements=list(statements))
