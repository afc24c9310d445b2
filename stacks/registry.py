"""What a build leaves behind: images by model, and artifacts with their manifests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.names import artifact_bucket, function, handover_bucket, repository
from stacks.settings.delivery import DeliveryConfig
from stacks.settings.deployment import Deployment

HANDED_DAYS = 30  # of what one step of a pipeline leaves for the next, and of its cache
KEPT_DAYS = 90  # of an artifact's earlier versions
IMAGES_A_TAG = 3  # of a release at most: the plain one, for GPUs, for functions


class RegistryStack(cdk.Stack):
    """Kept when all else is destroyed: a release names bytes that lie here.

    Repositories and bucket have literal names, so deploying again after `cdk destroy`
    needs `cdk deploy --all --import-existing-resources`.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: Deployment,
        running: Mapping[str, tuple[str, ...]],
        **kwargs: Any,
    ) -> None:
        """`running` are the image tags of releases, by model: these are never removed."""
        super().__init__(scope, id_, **kwargs)
        config = deployment.delivery
        key = _key(self) if config.customer_key else None
        accounts = _other_accounts(deployment)
        for model, runtime in deployment.images:
            rules = _removal(running.get(model, ()), config.kept_images)
            images = _images(self, model, runtime, key=key, rules=rules)
            for account in accounts:
                images.grant_pull(iam.AccountPrincipal(account))
            if runtime == "flask":
                _let_functions_pull(images, _functions(self, deployment, model))
        bucket = _artifacts(self, config, key)
        _notify(bucket)
        # Two, so that nothing a branch builds can touch what is deployed.
        for what in ("builds", "deploys"):
            _handover(self, what, config)
        for account in accounts:
            bucket.grant_read(iam.AccountPrincipal(account), "releases/*")


def _images(
    scope: Construct,
    model: str,
    runtime: str,
    *,
    key: kms.Key | None,
    rules: list[ecr.LifecycleRule],
) -> ecr.Repository:
    kinds = ecr.RepositoryEncryption
    return ecr.Repository(
        scope,
        f"Images-{model}-{runtime}",
        repository_name=repository(model, runtime),
        image_tag_mutability=ecr.TagMutability.IMMUTABLE,
        image_scan_on_push=True,
        encryption=kinds.KMS if key else kinds.AES_256,
        encryption_key=key,
        lifecycle_rules=rules,
        removal_policy=cdk.RemovalPolicy.RETAIN,
    )


def _functions(stack: cdk.Stack, deployment: Deployment, model: str) -> list[str]:
    """Return the ARNs of the functions that some stage runs of a model."""
    return [
        stack.format_arn(
            service="lambda",
            resource="function",
            resource_name=function(stage.name, endpoint.name),
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
            region=stage.region,
            account=stage.account,
        )
        for stage in deployment.stages
        for endpoint in stage.serverless
        if endpoint.model == model
    ]


def _let_functions_pull(images: ecr.Repository, functions: list[str]) -> None:
    """Lambda itself pulls, in the name of a function: no role of a function is asked."""
    if functions:
        images.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("lambda.amazonaws.com")],
                actions=["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                conditions={"StringLike": {"aws:SourceArn": _versions(functions)}},
            )
        )


def _versions(functions: list[str]) -> list[str]:
    return [arn for each in functions for arn in (each, f"{each}:*")]


def _removal(running: tuple[str, ...], kept: int) -> list[ecr.LifecycleRule]:
    """Remove the oldest, but nothing that a stage runs.

    ECR lets a rule alone decide on the images it names, so one that never has too many
    to keep, the plain image and those for GPUs and functions, keeps them all.
    """
    keep = [
        ecr.LifecycleRule(
            rule_priority=priority,
            tag_status=ecr.TagStatus.TAGGED,
            tag_pattern_list=[f"{tag}*"],
            max_image_count=IMAGES_A_TAG,
            description="a stage runs it",
        )
        for priority, tag in enumerate(running, start=1)
    ]
    oldest = ecr.LifecycleRule(
        rule_priority=len(keep) + 1,
        tag_status=ecr.TagStatus.ANY,
        max_image_count=kept,
        description="the oldest go first",
    )
    return [*keep, oldest]


def _artifacts(
    scope: Construct, config: DeliveryConfig, key: kms.Key | None
) -> s3.Bucket:
    kinds = s3.BucketEncryption
    return s3.Bucket(
        scope,
        "Artifacts",
        bucket_name=artifact_bucket(config),
        versioned=True,
        encryption=kinds.KMS if key else kinds.S3_MANAGED,
        encryption_key=key,
        bucket_key_enabled=True if key else None,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        lifecycle_rules=[
            s3.LifecycleRule(
                noncurrent_version_expiration=cdk.Duration.days(KEPT_DAYS),
                abort_incomplete_multipart_upload_after=cdk.Duration.days(7),
            )
        ],
        removal_policy=cdk.RemovalPolicy.RETAIN,
    )


def _handover(scope: Construct, what: str, config: DeliveryConfig) -> None:
    """Where a pipeline's steps hand work on; it empties itself."""
    s3.Bucket(
        scope,
        f"Handover-{what}",
        bucket_name=handover_bucket(what, config),
        encryption=s3.BucketEncryption.S3_MANAGED,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        lifecycle_rules=[
            s3.LifecycleRule(
                expiration=cdk.Duration.days(HANDED_DAYS),
                abort_incomplete_multipart_upload_after=cdk.Duration.days(7),
            )
        ],
        removal_policy=cdk.RemovalPolicy.RETAIN,
    )


def _notify(bucket: s3.Bucket) -> None:
    """Let EventBridge know what is put here; CDK's own way is a function of Lambda."""
    resource = bucket.node.default_child
    assert isinstance(resource, s3.CfnBucket)
    told = {"EventBridgeEnabled": True}
    resource.add_property_override(
        "NotificationConfiguration.EventBridgeConfiguration", told
    )


def _key(scope: Construct) -> kms.Key:
    return kms.Key(
        scope,
        "Key",
        alias="lathe/artifacts",
        description="Images and artifacts of Lathe",
        enable_key_rotation=True,
        removal_policy=cdk.RemovalPolicy.RETAIN,
    )


def _other_accounts(deployment: Deployment) -> list[str]:
    """Return the accounts of stages that run what another account built."""
    own = deployment.delivery.account
    named = {stage.account for stage in deployment.stages if stage.account}
    return sorted(named - {own})
