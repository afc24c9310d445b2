"""What a build leaves behind: images by model, and artifacts with their manifests."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from stacks.config import StageConfig
from stacks.names import Names


class RegistryStack(cdk.Stack):
    """Kept when the stage is destroyed: a release names bytes that lie here.

    Repositories have literal names, so deploying again after `cdk destroy` needs
    `cdk deploy --all --import-existing-resources`; the bucket is then a new one.
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
        super().__init__(scope, id_, **kwargs)
        for endpoint in config.endpoints:
            ecr.Repository(
                self,
                f"Images-{endpoint.model}",
                repository_name=names.repository(endpoint.model),
                image_tag_mutability=ecr.TagMutability.IMMUTABLE,
                image_scan_on_push=True,
                encryption=ecr.RepositoryEncryption.AES_256,
                lifecycle_rules=[ecr.LifecycleRule(max_image_count=config.kept_images)],
                removal_policy=cdk.RemovalPolicy.RETAIN,
            )
        bucket = s3.Bucket(
            self,
            "Artifacts",
            versioned=True,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            lifecycle_rules=[
                s3.LifecycleRule(
                    noncurrent_version_expiration=cdk.Duration.days(90),
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(7),
                )
            ],
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        ssm.StringParameter(
            self, "Bucket", parameter_name=names.bucket, string_value=bucket.bucket_name
        )
