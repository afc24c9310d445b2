"""The table of contents of an asynchronous endpoint: a model that is asked by a queue."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from constructs import Construct

from manifest import Manifest
from stacks.addresses import closed_group, read_addresses
from stacks.alarms import QueueAlarms, tell_of_rollouts
from stacks.backlog import BacklogScaling
from stacks.names import Names
from stacks.placement import place
from stacks.queue_dashboard import QueueDashboard
from stacks.release import told
from stacks.rollout import replaced_in_place
from stacks.settings.delivery import DeliveryConfig
from stacks.settings.queued import AsynchronousConfig
from stacks.settings.stage import StageConfig
from stacks.size import task_size
from stacks.submissions import SubmissionDoor, Submissions
from stacks.tags import MODEL_TAG
from stacks.task import ModelTask

WORKER = ("python", "-m", "containers.queued", "worker")


class QueuedStack(cdk.Stack):
    """A function takes submissions; tasks of the release's image work them off, from zero."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        delivery: DeliveryConfig,
        stage: StageConfig,
        config: AsynchronousConfig,
        names: Names,
        release: Manifest,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, id_, **kwargs)
        where = read_addresses(self, stage, names)
        common: dict[str, Any] = {"stage": stage, "config": config}
        places = Submissions(self, "Submissions", config=config)
        door = SubmissionDoor(self, "Door", places=places, release=release, **common)
        environment = {
            **places.places,
            "DEAD_LETTERS_URL": places.dead.queue_url,
            "AWS_DEFAULT_REGION": self.region,
        }
        if places.topic:
            environment["TOPIC_ARN"] = places.topic.topic_arn
        task = ModelTask(
            self,
            "Task",
            delivery=delivery,
            release=release,
            size=task_size(config, release),
            command=WORKER,
            environment=environment,
            **common,
        )
        places.let_work(task.definition.task_role, config)
        alarms = QueueAlarms(
            self,
            "Alarms",
            places=places,
            door=door.function,
            prefix=self.stack_name,
            **common,
        )
        service = place(
            self,
            "Service",
            names=names,
            where=where,
            task_definition=task.definition,
            security_groups=[closed_group(self, "Workers", where.vpc, "Workers")],
            **replaced_in_place(alarms.rollback_names),
            **common,
        )
        # Or the first worker would start before it may receive.
        service.node.add_dependency(task.definition.task_role, alarms)
        scaling = BacklogScaling(
            self, "Scaling", service=service, places=places, config=config
        )
        tell_of_rollouts(self, service, alarms.wake)
        if config.watch.dashboard:
            QueueDashboard(
                self,
                "Dashboard",
                release=release,
                places=places,
                scaling=scaling,
                service=service,
                door=door.function,
                wake=alarms.wake,
                log=task.log,
                **common,
            )
        cdk.Tags.of(self).add(MODEL_TAG, release.name)
        self.add_metadata("Lathe", told(config, release))
        cdk.CfnOutput(self, "Address", value=door.url)
        cdk.CfnOutput(self, "Bucket", value=places.bucket.bucket_name)
