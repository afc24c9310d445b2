"""From a push to a release: a pipeline a model, and the projects that it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.machine import Machine, read_machine
from stacks.names import artifact_bucket, handover_bucket, pipeline, repository
from stacks.project import (
    allow,
    allow_artifact_key,
    artifacts,
    environment,
    from_source,
    own_text,
    project,
)
from stacks.settings.compute import InstancesConfig
from stacks.settings.delivery import Archive, Connection, DeliveryConfig
from stacks.settings.deployment import Deployment
from stacks.settings.endpoint import Endpoint
from stacks.settings.serverless import ServerlessConfig
from stacks.signing import sign
from stacks.source import Source, source, start
from stacks.tags import MODEL_TAG
from stacks.training import Training


class BuildStack(cdk.Stack):
    """A pipeline for each model that some stage has an endpoint for.

    Nothing here waits for anything: a pipeline without a source fails when it is
    started, not when it is made. The outputs are what a person types first.
    """

    def __init__(
        self, scope: Construct, id_: str, *, deployment: Deployment, **kwargs: Any
    ) -> None:
        super().__init__(scope, id_, **kwargs)
        config = deployment.delivery
        name = handover_bucket("builds", config)
        bucket = s3.Bucket.from_bucket_name(self, "Handover", name)
        for model in deployment.models:
            build = ModelBuild(
                self,
                f"Build-{model}",
                deployment=deployment,
                machine=read_machine(model),
                bucket=bucket,
            )
            cdk.Tags.of(build).add(MODEL_TAG, model)
        sign(self, config)
        if isinstance(config.source, Archive):
            cdk.CfnOutput(self, "SendSource", value=_send(config, config.source))


class ModelBuild(Construct):
    """Build and gate, bake, publish and comment; buildspecs/ has what each types.

    Three of trust: what a branch holds is built without rights, baked with no right but
    to push this model's images, and published by a step whose commands it cannot change.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: Deployment,
        machine: Machine,
        bucket: s3.IBucket,
    ) -> None:
        super().__init__(scope, id_)
        self._deployment, self._machine = deployment, machine
        config, model = deployment.delivery, machine.model
        pushed = source(self, config, paths=_paths(model))
        built = codepipeline.Artifact("Built")
        published = [self._publish(pushed, built), *self._comment(pushed, built)]
        stages: dict[str, Sequence[codepipeline.IAction]] = {
            "Source": [pushed.action],
            "Build": [self._build(pushed, built, bucket)],
            "Bake": [self._bake(pushed, built)],
            "Publish": published,
        }
        line = codepipeline.Pipeline(
            self,
            "Pipeline",
            pipeline_name=pipeline(model),
            pipeline_type=codepipeline.PipelineType.V2,
            # Or a push would take the place of another branch's that waits.
            execution_mode=codepipeline.ExecutionMode.QUEUED,
            artifact_bucket=bucket,
            cross_account_keys=False,
            use_pipeline_role_for_actions=True,  # steps have roles of their own
            triggers=pushed.triggers,
            stages=[
                codepipeline.StageProps(stage_name=name, actions=steps)
                for name, steps in stages.items()
            ],
        )
        start(line, config)
        first = deployment.stages[0].name
        begin = f"aws codepipeline start-pipeline-execution --name {pipeline(model)}"
        cdk.CfnOutput(self, "StartBuild", value=begin)
        release = f"python -m stacks release {model} --stage {first}"
        cdk.CfnOutput(self, "Release", value=release)

    def _build(
        self, pushed: Source, built: codepipeline.Artifact, bucket: s3.IBucket
    ) -> actions.CodeBuildAction:
        build = self._project(bucket)
        return actions.CodeBuildAction(
            action_name="Build", project=build, input=pushed.output, outputs=[built]
        )

    def _project(self, bucket: s3.IBucket) -> codebuild.PipelineProject:
        """It has no rights, but to have a job of its model run where the spec says so."""
        config, machine = self._deployment.delivery, self._machine
        if machine.engine == "sagemaker":
            return Training(
                self, "Training", config=config, machine=machine, bucket=bucket
            ).project
        return project(
            self,
            "Build",
            config=config,
            what=f"Build {machine.model} from its spec, measure it, check its gates",
            buildspec=from_source("build"),
            environment=environment(machine),
            variables={"MODEL": machine.model},
            minutes=machine.timeout_minutes or config.build_timeout_minutes,
            cache=codebuild.Cache.bucket(bucket, prefix=f"steps/{machine.model}"),
        )

    def _bake(
        self, pushed: Source, built: codepipeline.Artifact
    ) -> actions.CodeBuildAction:
        config, model = self._deployment.delivery, self._machine.model
        images = _images(self._deployment, model)
        bake = project(
            self,
            "Bake",
            config=config,
            what=f"Bake the images of {model} and push them",
            buildspec=own_text("bake"),
            environment=environment(
                Machine(model, "medium", self._machine.architecture),
                privileged=True,  # docker build; nothing else needs it
            ),
            variables={
                "MODEL": model,
                "BUCKET": artifact_bucket(config),
                "REGISTRY": f"{_registry(config)}/lathe/{model}",
                "IMAGES": " ".join(images),
            },
            minutes=config.build_timeout_minutes,
        )
        self._let_push(bake, images)
        return actions.CodeBuildAction(
            action_name="Bake", project=bake, input=pushed.output, extra_inputs=[built]
        )

    def _let_push(self, bake: codebuild.PipelineProject, images: list[str]) -> None:
        """Push images of this model, and know what it was last baked of."""
        config, model = self._deployment.delivery, self._machine.model
        for runtime in sorted({image.partition("-")[0] for image in images}):
            own = ecr.Repository.from_repository_name(
                self, f"Images-{runtime}", repository(model, runtime)
            )
            own.grant_pull_push(bake)
            allow(bake, ["ecr:DescribeImages"], own.repository_arn)
        newest = f"releases/{model}/newest.json"
        allow(bake, ["s3:GetObject"], artifacts(config, newest))
        allow_artifact_key(bake, config)
        if config.signing_profile_arn:  # ECR signs what this pushes, in its name
            signing = ["signer:SignPayload", "signer:GetSigningProfile"]
            allow(bake, signing, config.signing_profile_arn)

    def _publish(
        self, pushed: Source, built: codepipeline.Artifact
    ) -> actions.CodeBuildAction:
        config, model = self._deployment.delivery, self._machine.model
        publish = project(
            self,
            "Publish",
            config=config,
            what=f"Publish the release of {model}",
            buildspec=own_text("publish"),
            variables={
                "MODEL": model,
                "BUCKET": artifact_bucket(config),
                "RELEASED": pushed.released,
            },
        )
        own = artifacts(config, f"releases/{model}/*")
        allow(publish, ["s3:PutObject"], own)
        allow_artifact_key(publish, config)
        return actions.CodeBuildAction(
            action_name="Publish",
            project=publish,
            input=built,
            environment_variables=_given(BRANCH=pushed.branch),
        )

    def _comment(
        self, pushed: Source, built: codepipeline.Artifact
    ) -> list[actions.CodeBuildAction]:
        """Nothing where there are no pull requests, or no token to comment with."""
        config, model = self._deployment.delivery, self._machine.model
        connection, secret = config.source, config.comment_token_secret
        if not isinstance(connection, Connection) or secret is None:
            return []
        first = self._deployment.stages[0]
        comment = project(
            self,
            "Comment",
            config=config,
            what=f"Say on its pull request what {model} would change",
            buildspec=own_text("comment"),
            variables={
                "MODEL": model,
                "STAGE": first.name,
                "PROVIDER": connection.provider,
                "REPOSITORY": connection.repository,
                "RELEASED": pushed.released,
                "SECRET": secret,
            },
        )
        token = secretsmanager.Secret.from_secret_name_v2(self, "Token", secret)
        token.grant_read(comment)
        allow(comment, ["cloudformation:GetTemplate"], stacks_of(self, first.name))
        return [
            actions.CodeBuildAction(
                action_name="Comment",
                project=comment,
                input=pushed.output,
                extra_inputs=[built],
                environment_variables=_given(BRANCH=pushed.branch),
            )
        ]


def stacks_of(scope: Construct, stage: str) -> str:
    """Return the ARN of every stack of a stage, in the account that builds."""
    here = cdk.Stack.of(scope)
    return here.format_arn(
        service="cloudformation", resource="stack", resource_name=f"{stage}-*/*"
    )


def _registry(config: DeliveryConfig) -> str:
    account = config.account or cdk.Aws.ACCOUNT_ID
    return f"{account}.dkr.ecr.{config.region}.{cdk.Aws.URL_SUFFIX}"


def _given(**variables: str) -> dict[str, codebuild.BuildEnvironmentVariable]:
    return {
        name: codebuild.BuildEnvironmentVariable(value=value)
        for name, value in variables.items()
    }


def _paths(model: str) -> list[str]:
    """What a model is made of; CodePipeline takes eight globs at most."""
    return [
        f"model_build/specs/{model}.toml",
        "model_build/*",
        "model_build/passes/**",
        "model_build/tasks/**",
        "containers/**",
        "manifest.py",
    ]


def _images(deployment: Deployment, model: str) -> list[str]:
    """Return runtimes, and of each what some stage runs of it besides: -gpu, -function."""
    images = set()
    for stage in deployment.stages:
        for endpoint in stage.endpoints:
            if endpoint.model == model:
                images |= {endpoint.runtime, f"{endpoint.runtime}{_kind(endpoint)}"}
    return sorted(images)


def _kind(endpoint: Endpoint) -> str:
    if isinstance(endpoint, ServerlessConfig):
        return "-function"
    compute = endpoint.compute
    on_gpus = isinstance(compute, InstancesConfig) and compute.gpus
    return "-gpu" if on_gpus else ""


def _send(config: DeliveryConfig, archive: Archive) -> str:
    """A fresh clone: with the history that releases are checked against, and no more."""
    clone = "git clone --quiet . build/source && (cd build/source && zip -qr ../lathe.zip .)"
    address = f"s3://{artifact_bucket(config)}/{archive.key}"
    return f"{clone} && aws s3 cp build/lathe.zip {address}"
