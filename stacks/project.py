"""One step of a pipeline: a CodeBuild project with its log, and what it works in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.machine import Compute, Machine
from stacks.names import artifact_bucket
from stacks.retention import retention
from stacks.settings.delivery import DeliveryConfig

BUILDSPECS = Path(__file__).parents[1] / "buildspecs"

_SIZES: Mapping[Compute, codebuild.ComputeType] = {
    "small": codebuild.ComputeType.SMALL,
    "medium": codebuild.ComputeType.MEDIUM,
    "large": codebuild.ComputeType.LARGE,
    "xlarge": codebuild.ComputeType.X_LARGE,
    "2xlarge": codebuild.ComputeType.X2_LARGE,
}
# AWS's own image with CUDA and Python; TensorFlow is installed from our lock.
_GPU_IMAGE = ("tensorflow-training", "2.18.0-gpu-py310-cu125-ubuntu22.04-ec2")


def environment(
    machine: Machine, *, privileged: bool = False
) -> codebuild.BuildEnvironment:
    """Return the machine that a spec asks for."""
    image: codebuild.IBuildImage = codebuild.LinuxBuildImage.STANDARD_7_0
    if machine.gpu:
        gpu = codebuild.LinuxGpuBuildImage
        image = gpu.aws_deep_learning_containers_image(*_GPU_IMAGE)
    elif machine.architecture == "arm64":
        image = codebuild.LinuxArmBuildImage.AMAZON_LINUX_2023_STANDARD_3_0
    return codebuild.BuildEnvironment(
        build_image=image,
        compute_type=_SIZES[machine.compute],
        privileged=privileged,
    )


def own_text(name: str) -> codebuild.BuildSpec:
    """The commands stand in the project: what is pushed to a branch changes none.

    CloudFormation takes text where it takes a file's name; CDK knows the name only.
    """
    text = (BUILDSPECS / f"{name}.yml").read_text(encoding="utf-8")
    return codebuild.BuildSpec.from_source_filename(text)


def project(
    scope: Construct,
    id_: str,
    *,
    config: DeliveryConfig,
    what: str,
    buildspec: codebuild.BuildSpec,
    variables: Mapping[str, str],
    environment: codebuild.BuildEnvironment | None = None,
    minutes: int = 30,
    cache: codebuild.Cache | None = None,
) -> codebuild.PipelineProject:
    """Return a project whose role may write its own log, and what is granted later."""
    log = logs.LogGroup(
        scope,
        f"{id_}Log",
        retention=retention(config.log_days),
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    return codebuild.PipelineProject(
        scope,
        id_,
        description=what,
        build_spec=buildspec,
        environment=environment
        or codebuild.BuildEnvironment(
            build_image=codebuild.LinuxBuildImage.STANDARD_7_0,
            compute_type=codebuild.ComputeType.SMALL,
        ),
        environment_variables={
            name: codebuild.BuildEnvironmentVariable(value=value)
            for name, value in variables.items()
        },
        timeout=cdk.Duration.minutes(minutes),
        cache=cache,
        grant_report_group_permissions=False,  # it writes no test reports
        logging=codebuild.LoggingOptions(
            cloud_watch=codebuild.CloudWatchLoggingOptions(log_group=log)
        ),
    )


def from_source(name: str) -> codebuild.BuildSpec:
    """The commands are those of the commit that is built."""
    return codebuild.BuildSpec.from_source_filename(f"buildspecs/{name}.yml")


def allow(grantee: iam.IGrantable, actions: list[str], *resources: str) -> None:
    """Add one statement to the role of a project or an action."""
    iam.Grant.add_to_principal(
        grantee=grantee, actions=actions, resource_arns=list(resources)
    )


def artifacts(config: DeliveryConfig, path: str) -> str:
    """Return the ARN of objects in the artifact bucket."""
    return f"arn:{cdk.Aws.PARTITION}:s3:::{artifact_bucket(config)}/{path}"


def allow_artifact_key(grantee: iam.IGrantable, config: DeliveryConfig) -> None:
    """Let what reads and writes the artifact bucket use its key, by the key's alias."""
    if not config.customer_key:
        return
    account = config.account or cdk.Aws.ACCOUNT_ID
    grantee.grant_principal.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["kms:Decrypt", "kms:GenerateDataKey"],
            resources=[f"arn:{cdk.Aws.PARTITION}:kms:{config.region}:{account}:key/*"],
            conditions={
                "ForAnyValue:StringEquals": {
                    "kms:ResourceAliases": "alias/lathe/artifacts"
                }
            },
        )
    )
