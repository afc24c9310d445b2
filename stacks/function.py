"""A model as a function of AWS Lambda: its image, its memory, its rights, its address."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from costs.functions import vcpu
from manifest import Manifest
from stacks.names import function, image_tag, repository
from stacks.retention import retention
from stacks.runtimes import SERVERS
from stacks.settings.delivery import DeliveryConfig
from stacks.settings.serverless import ServerlessConfig
from stacks.settings.stage import StageConfig
from stacks.size import function_memory
from stacks.task import images

LIVE = "live"  # the alias that callers ask; a rollout moves it

ARCHITECTURES = {
    "x86_64": lambda_.Architecture.X86_64,
    "arm64": lambda_.Architecture.ARM_64,
}


class ModelFunction(Construct):
    """Runs exactly the image that its release names, and may write its own log.

    In the image is AWS's Lambda Web Adapter, beside the server that tasks run: it asks
    the server over HTTP what comes to the function. It is in no VPC and calls nobody.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        delivery: DeliveryConfig,
        stage: StageConfig,
        config: ServerlessConfig,
        release: Manifest,
    ) -> None:
        super().__init__(scope, id_)
        memory_mib = function_memory(config, release)
        self.log = logs.LogGroup(
            self,
            "Log",
            retention=retention(stage.log_days),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        name = repository(release.name, config.runtime)
        self.function = lambda_.DockerImageFunction(
            self,
            "Function",
            function_name=function(stage.name, config.name),
            description=f"Answers as {release.name}",
            code=lambda_.DockerImageCode.from_ecr(
                images(self, delivery, name),
                tag_or_digest=image_tag(release, "function"),
            ),
            architecture=ARCHITECTURES[release.architecture],
            memory_size=memory_mib,
            timeout=cdk.Duration.seconds(config.timeout_seconds),
            reserved_concurrent_executions=config.concurrency,
            role=_role(self, self.log),
            log_group=self.log,
            logging_format=lambda_.LoggingFormat.JSON,
            # Or Lambda writes three lines of each request, and charges for them.
            system_log_level_v2=lambda_.SystemLogLevel.WARN,
            environment={
                "STAGE": stage.name,
                "ENDPOINT": config.name,
                "MODEL_NAME": release.name,
                "MODEL_VERSION": release.version,
                "SERVER_VCPU": f"{vcpu(memory_mib):.3g}",
                **_adapter(config),
            },
            # On the version: on the alias, one that could not start would leave weights
            # there that no later deploy may change. See docs/decisions/0028.
            current_version_options=lambda_.VersionOptions(
                provisioned_concurrent_executions=config.provisioned or None
            ),
        )
        self.alias = lambda_.Alias(
            self, "Alias", alias_name=LIVE, version=self.function.current_version
        )
        kinds = lambda_.FunctionUrlAuthType
        self.url = self.alias.add_function_url(
            auth_type=kinds.NONE if config.public else kinds.AWS_IAM
        ).url


def _adapter(config: ServerlessConfig) -> dict[str, str]:
    """What the adapter asks the server by, and when it may.

    https://awslabs.github.io/aws-lambda-web-adapter/configuration/environment-variables.html
    """
    server = SERVERS[config.runtime]
    return {
        "AWS_LWA_PORT": str(server.port),
        "AWS_LWA_READINESS_CHECK_PATH": server.health,
        "AWS_LWA_READINESS_CHECK_HEALTHY_STATUS": "200",
    }


def _role(scope: Construct, log: logs.LogGroup) -> iam.Role:
    write = iam.PolicyStatement(
        actions=["logs:CreateLogStream", "logs:PutLogEvents"],
        resources=[log.log_group_arn],
    )
    return iam.Role(
        scope,
        "Role",
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        inline_policies={"Log": iam.PolicyDocument(statements=[write])},
    )
