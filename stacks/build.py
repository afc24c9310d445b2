"""The CodeBuild projects: one a model, running what a developer runs on a laptop."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.names import artifact_bucket, repository
from stacks.retention import retention
from stacks.settings.delivery import DeliveryConfig
from stacks.settings.deployment import Deployment

# Written by `git archive --format=zip`, and put there by whoever pushes.
SOURCE = "source/lathe.zip"


class BuildStack(cdk.Stack):
    """One project for each model that some stage has an endpoint for."""

    def __init__(
        self, scope: Construct, id_: str, *, deployment: Deployment, **kwargs: Any
    ) -> None:
        super().__init__(scope, id_, **kwargs)
        config = deployment.delivery
        name = artifact_bucket(config)
        bucket = s3.Bucket.from_bucket_name(self, "Artifacts", name)
        for model in deployment.models:
            ModelBuild(
                self, f"Build-{model}", config=config, model=model, bucket=bucket
            )
        archive = "git archive --format=zip --output=lathe.zip HEAD"
        send = f"aws s3 cp lathe.zip s3://{bucket.bucket_name}/{SOURCE}"
        cdk.CfnOutput(self, "SendSource", value=f"{archive} && {send}")


class ModelBuild(Construct):
    """Build, gate, bake, push, publish: model_build/buildspec.yml."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        config: DeliveryConfig,
        model: str,
        bucket: s3.IBucket,
    ) -> None:
        super().__init__(scope, id_)
        images = ecr.Repository.from_repository_name(
            self, "Images", repository(model, "flask")
        )
        log = logs.LogGroup(
            self,
            "Log",
            retention=retention(config.log_days),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        project = codebuild.Project(
            self,
            "Project",
            description=f"Build {model} from its spec, gate it, push its image",
            source=codebuild.Source.s3(bucket=bucket, path=SOURCE),
            build_spec=codebuild.BuildSpec.from_source_filename(
                "model_build/buildspec.yml"
            ),
            environment=codebuild.BuildEnvironment(
                build_image=codebuild.LinuxBuildImage.STANDARD_7_0,
                compute_type=codebuild.ComputeType.LARGE,
                privileged=True,  # docker build; nothing else here needs it
            ),
            environment_variables={
                name: codebuild.BuildEnvironmentVariable(value=value)
                for name, value in {
                    "MODEL": model,
                    "BUCKET": bucket.bucket_name,
                    "REPOSITORY": images.repository_uri,
                }.items()
            },
            timeout=cdk.Duration.minutes(config.build_timeout_minutes),
            grant_report_group_permissions=False,  # it writes no test reports
            concurrent_build_limit=1,  # two builds of one model would race for its release
            logging=codebuild.LoggingOptions(
                cloud_watch=codebuild.CloudWatchLoggingOptions(log_group=log)
            ),
        )
        release = f"releases/{model}/newest.json"
        images.grant_pull_push(project)
        project.add_to_role_policy(
            iam.PolicyStatement(
                actions=["s3:PutObject"],
                resources=[
                    bucket.arn_for_objects(f"releases/{model}/*"),
                ],
            )
        )
        # What a person types next; a release in stacks/ is what makes an endpoint.
        start = f"aws codebuild start-build --project-name {project.project_name}"
        fetch = f"aws s3 cp s3://{bucket.bucket_name}/{release} stacks/releases/dev/{model}.json"
        cdk.CfnOutput(self, "StartBuild", value=start)
        cdk.CfnOutput(self, "FetchRelease", value=fetch)
