"""A build that runs as a SageMaker training job: the same commands on a larger machine."""

from __future__ import annotations

import json
from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.machine import Compute, Machine
from stacks.project import allow, environment, from_source, project
from stacks.settings.delivery import DeliveryConfig
from stacks.tags import MODEL_TAG, STAGE_TAG

# AWS's own images, by region; TensorFlow is installed from our lock, as everywhere.
IMAGES_ACCOUNT = "763104351884"
IMAGES = "tensorflow-training"
CPU_TAG = "2.18.0-cpu-py310-ubuntu22.04-sagemaker"
GPU_TAG = "2.18.0-gpu-py310-cu125-ubuntu22.04-sagemaker"

INSTANCES: Mapping[Compute, str] = {
    "small": "ml.m5.large",
    "medium": "ml.c5.xlarge",
    "large": "ml.c5.2xlarge",
    "xlarge": "ml.c5.9xlarge",
    "2xlarge": "ml.c5.18xlarge",
}
GPU_INSTANCES: Mapping[Compute, str] = {
    "small": "ml.g5.xlarge",
    "large": "ml.g5.12xlarge",
}

WAIT_MINUTES = 15  # to start a machine, and to fetch what it made


class Training(Construct):
    """`project` is the build step: it sends the source, waits, and fetches the artifact.

    No network of ours and nothing that costs while it idles: a job is made by the step,
    so no template and no bill knows it. It reads and writes below `trainings/MODEL/`.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        config: DeliveryConfig,
        machine: Machine,
        bucket: s3.IBucket,
    ) -> None:
        super().__init__(scope, id_)
        self._machine, self._bucket = machine, bucket
        minutes = machine.timeout_minutes or config.build_timeout_minutes
        role = self._role()
        self.project = project(
            self,
            "Build",
            config=config,
            what=f"Train {machine.model} on SageMaker, measure it, check its gates",
            buildspec=from_source("train"),
            environment=environment(Machine(machine.model, "small")),  # it only waits
            variables={
                "MODEL": machine.model,
                "BUCKET": bucket.bucket_name,
                "ROLE": role.role_arn,
                "IMAGE": self._image(config.region),
                "INSTANCE": instance(machine),
                "MINUTES": str(minutes),
                "TAGS": json.dumps(_tags(config, machine)),
            },
            minutes=minutes + WAIT_MINUTES,
        )
        self._let_submit(self.project, role)

    def _image(self, region: str) -> str:
        tag = GPU_TAG if self._machine.gpu else CPU_TAG
        host = f"{IMAGES_ACCOUNT}.dkr.ecr.{region}.{cdk.Aws.URL_SUFFIX}"
        return f"{host}/{IMAGES}:{tag}"

    def _role(self) -> iam.Role:
        here = cdk.Stack.of(self)
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "sagemaker.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": here.account}},
            ),
        )
        allow(role, ["s3:GetObject", "s3:PutObject"], self._own("*"))
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["s3:ListBucket"],
                resources=[self._bucket.bucket_arn],
                conditions={"StringLike": {"s3:prefix": f"{self._prefix}/*"}},
            )
        )
        pull = (
            "BatchCheckLayerAvailability",
            "BatchGetImage",
            "GetDownloadUrlForLayer",
        )
        images = here.format_arn(
            service="ecr",
            account=IMAGES_ACCOUNT,
            resource="repository",
            resource_name=IMAGES,
        )
        allow(role, [f"ecr:{action}" for action in pull], images)
        allow(role, ["ecr:GetAuthorizationToken"], "*")  # it takes no other
        log = here.format_arn(
            service="logs",
            resource="log-group",
            resource_name="/aws/sagemaker/TrainingJobs:*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        writing = ("CreateLogGroup", "CreateLogStream", "PutLogEvents")
        allow(role, [f"logs:{action}" for action in writing], log)
        return role

    def _let_submit(self, step: codebuild.PipelineProject, role: iam.Role) -> None:
        """Jobs of this model by name, and no role to hand on but theirs."""
        jobs = cdk.Stack.of(self).format_arn(
            service="sagemaker",
            resource="training-job",
            resource_name=f"{self._machine.model}-*",
        )
        verbs = (
            "CreateTrainingJob",
            "DescribeTrainingJob",
            "StopTrainingJob",
            "AddTags",
        )
        allow(step, [f"sagemaker:{verb}" for verb in verbs], jobs)
        allow(step, ["s3:GetObject", "s3:PutObject"], self._own("*"))
        step.add_to_role_policy(
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[role.role_arn],
                conditions={
                    "StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}
                },
            )
        )

    @property
    def _prefix(self) -> str:
        return f"trainings/{self._machine.model}"

    def _own(self, path: str) -> str:
        return self._bucket.arn_for_objects(f"{self._prefix}/{path}")


def instance(machine: Machine) -> str:
    """What SageMaker calls the machine of a spec; stacks/machine.py refuses any other."""
    return (GPU_INSTANCES if machine.gpu else INSTANCES)[machine.compute]


def _tags(config: DeliveryConfig, machine: Machine) -> dict[str, str]:
    """Those of a template's resources, for a job is in none."""
    return {
        "project": "lathe",
        STAGE_TAG: "delivery",
        "owner": config.owner,
        "cost-center": config.cost_center,
        MODEL_TAG: machine.model,
    }
