"""A job: a released model that answers files of a bucket, by tasks of AWS Batch."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_batch as batch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from constructs import Construct

from manifest import Manifest
from stacks.addresses import Addresses, closed_group, read_addresses
from stacks.alarms import Wake
from stacks.names import Names, image_tag, repository
from stacks.retention import retention
from stacks.runtimes import SERVERS
from stacks.settings.compute import TaskSize
from stacks.settings.delivery import DeliveryConfig
from stacks.settings.job import JobConfig, JobSchedule
from stacks.settings.stage import StageConfig
from stacks.size import job_size
from stacks.tags import MODEL_TAG
from stacks.task import ARCHITECTURES, images

COMMAND = ("python", "-m", "containers.batch")
SCHEDULED = "<aws.scheduler.scheduled-time>"  # EventBridge Scheduler writes it


class JobStack(cdk.Stack):
    """A queue whose tasks start when files are handed in, and a definition of them.

    It costs nothing while none is: Batch itself is free, and keeps no task waiting.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        delivery: DeliveryConfig,
        stage: StageConfig,
        config: JobConfig,
        names: Names,
        release: Manifest,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, id_, **kwargs)
        self._config, self._name = config, names.job(config.name)
        size = job_size(config, release)
        where = read_addresses(self, stage, names)
        queue = self._queue(where, size)
        definition = self._definition(delivery, stage, release, size, where)
        self._tell_of_failures(stage, queue)
        if config.schedule is not None:
            self._submit(config.schedule, queue).node.add_dependency(definition)
        cdk.Tags.of(self).add(MODEL_TAG, release.name)

    def _queue(self, where: Addresses, size: TaskSize) -> batch.JobQueue:
        group = closed_group(
            self, "Tasks", where.vpc, "Tasks: nothing connects to them"
        )
        environment = batch.FargateComputeEnvironment(
            self,
            "Environment",
            vpc=where.vpc,
            vpc_subnets=ec2.SubnetSelection(subnets=list(where.subnets)),
            security_groups=[group],
            spot=self._config.spot,
            maxv_cpus=max(1, round(self._config.most_tasks * size.vcpu)),
            replace_compute_environment=False,
        )
        return batch.JobQueue(
            self,
            "Queue",
            job_queue_name=self._name,
            compute_environments=[
                batch.OrderedComputeEnvironment(
                    compute_environment=environment, order=1
                )
            ],
        )

    def _definition(
        self,
        delivery: DeliveryConfig,
        stage: StageConfig,
        release: Manifest,
        size: TaskSize,
        where: Addresses,
    ) -> batch.EcsJobDefinition:
        log = logs.LogGroup(
            self,
            "Log",
            retention=retention(stage.log_days),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        container = batch.EcsFargateContainerDefinition(
            self,
            "Container",
            image=ecs.ContainerImage.from_ecr_repository(
                images(self, delivery, repository(release.name, "flask")),
                image_tag(release),
            ),
            cpu=size.vcpu,
            memory=cdk.Size.mebibytes(size.memory_mib),
            # Who submits says which files; without that a task says what it wants.
            command=[*COMMAND, "--help"],
            environment={
                "MODEL_NAME": release.name,
                "MODEL_VERSION": release.version,
                "SERVER_VCPU": f"{size.vcpu:g}",
            },
            user=SERVERS["flask"].user,
            readonly_root_filesystem=True,
            assign_public_ip=where.public,
            fargate_cpu_architecture=ARCHITECTURES[release.architecture],
            fargate_operating_system_family=ecs.OperatingSystemFamily.LINUX,
            job_role=self._role(),
            logging=ecs.LogDriver.aws_logs(stream_prefix=release.name, log_group=log),
        )
        return batch.EcsJobDefinition(
            self,
            "Definition",
            job_definition_name=self._name,
            container=container,
            retry_attempts=self._config.attempts,
            timeout=cdk.Duration.minutes(self._config.timeout_minutes),
            propagate_tags=True,
        )

    def _role(self) -> iam.Role:
        """May read the input, and write and read the output: no other object."""
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"),
        )
        reads, writes = self._config.reads, self._config.writes
        for actions, places in (
            (["s3:GetObject"], (*reads, *writes)),
            (["s3:PutObject", "s3:AbortMultipartUpload"], writes),
        ):
            found = sorted({self._objects(place) for place in places})
            role.add_to_policy(iam.PolicyStatement(actions=actions, resources=found))
        for place in sorted({*reads, *writes}):
            bucket, _, prefix = place.removeprefix("s3://").partition("/")
            role.add_to_policy(
                iam.PolicyStatement(
                    actions=["s3:ListBucket"],
                    resources=[f"arn:{self.partition}:s3:::{bucket}"],
                    conditions={"StringLike": {"s3:prefix": f"{prefix}*"}},
                )
            )
        return role

    def _objects(self, place: str) -> str:
        return f"arn:{self.partition}:s3:::{place.removeprefix('s3://')}*"

    def _tell_of_failures(self, stage: StageConfig, queue: batch.JobQueue) -> None:
        wake = Wake(
            self,
            "Wake",
            stage=stage,
            emails=self._config.emails,
            prefix=self.stack_name,
        )
        told = f"{self.stack_name}: job <job> failed: <why>. {wake.runbook('job')}"
        events.CfnRule(
            self,
            "Failed",
            name=f"{self.stack_name}-failed",
            description=f"Jobs that failed. {wake.runbook('job')}",
            event_pattern={
                "source": ["aws.batch"],
                "detail-type": ["Batch Job State Change"],
                "detail": {
                    "jobQueue": [queue.job_queue_arn],
                    "status": ["FAILED"],
                    # Of a job itself, not of each of its tasks.
                    "arrayProperties": {"index": [{"exists": False}]},
                },
            },
            targets=[
                events.CfnRule.TargetProperty(
                    id="Wake",
                    arn=wake.topic.topic_arn,
                    input_transformer=events.CfnRule.InputTransformerProperty(
                        input_paths_map={
                            "job": "$.detail.jobId",
                            "why": "$.detail.statusReason",
                        },
                        input_template=f'"{told}"',
                    ),
                )
            ],
        )

    def _submit(
        self, schedule: JobSchedule, queue: batch.JobQueue
    ) -> scheduler.Schedule:
        """By the definition's name: of its revisions Batch takes the newest."""
        definition = self.format_arn(
            service="batch", resource="job-definition", resource_name=self._name
        )
        out = f"{schedule.out.rstrip('/')}/{SCHEDULED}"
        asked: dict[str, Any] = {
            "JobName": self._name,
            "JobQueue": queue.job_queue_arn,
            "JobDefinition": self._name,
            "ContainerOverrides": {"Command": [*COMMAND, schedule.source, out]},
        }
        if schedule.tasks > 1:
            asked["ArrayProperties"] = {"Size": schedule.tasks}
        return scheduler.Schedule(
            self,
            "Schedule",
            schedule=scheduler.ScheduleExpression.expression(
                schedule.when, cdk.TimeZone.of(schedule.timezone)
            ),
            description=f"{self._name}: {schedule.source}",
            target=targets.Universal(
                service="batch",
                action="submitJob",
                input=scheduler.ScheduleTargetInput.from_object(asked),
                policy_statements=[
                    iam.PolicyStatement(
                        actions=["batch:SubmitJob"],
                        resources=[
                            queue.job_queue_arn,
                            definition,
                            f"{definition}:*",
                        ],
                    )
                ],
            ),
        )
