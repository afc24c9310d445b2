"""The table of contents of an endpoint: one released model that answers requests."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from manifest import Manifest
from stacks.addresses import read_addresses, read_subnets
from stacks.alarms import EndpointAlarms, ServiceAlarms
from stacks.balancer import Balancer
from stacks.check import AnswersCheck
from stacks.dashboard import EndpointDashboard
from stacks.names import Names
from stacks.placement import place
from stacks.release import told
from stacks.rollout import rollout_of, route
from stacks.scaling import TaskScaling
from stacks.settings.delivery import DeliveryConfig
from stacks.settings.endpoint import EndpointConfig
from stacks.settings.stage import StageConfig
from stacks.size import task_size
from stacks.tags import MODEL_TAG
from stacks.task import ModelTask
from stacks.traffic import Traffic

GRACE_SECONDS = 60  # until a task that is not ready counts as unhealthy


class EndpointStack(cdk.Stack):
    """Real-time: tasks that run the release's image, behind a load balancer."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        delivery: DeliveryConfig,
        stage: StageConfig,
        config: EndpointConfig,
        names: Names,
        release: Manifest,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, id_, **kwargs)
        where = read_addresses(self, stage, names)
        facing = read_subnets(self, "Balancers", names.balancer_subnet_ids, stage)
        common: dict[str, Any] = {"stage": stage, "config": config}
        released = {**common, "release": release, "delivery": delivery}
        size = task_size(config, release)
        task = ModelTask(self, "Task", size=size, **released)
        balancer = Balancer(self, "Balancer", where=where, facing=facing, config=config)
        traffic = Traffic(balancer.load_balancer, balancer.target_groups)
        alarms = EndpointAlarms(
            self, "Alarms", traffic=traffic, prefix=self.stack_name, **common
        )
        service = place(
            self,
            "Service",
            names=names,
            where=where,
            task_definition=task.definition,
            security_groups=[balancer.tasks],
            health_check_grace_period=cdk.Duration.seconds(GRACE_SECONDS),
            **rollout_of(config.rollout, alarms.rollback_names),
            **common,
        )
        service.node.add_dependency(balancer.rule, alarms)
        route(service, balancer, config.rollout)
        if config.rollout.checked:
            asked: dict[str, Any] = {"where": where, "balancer": balancer, **released}
            AnswersCheck(self, "Check", **asked).hook_into(service)
        TaskScaling(
            self, "Scaling", service=service, traffic=traffic, size=size, config=config
        )
        page = {"traffic": traffic, "wake": alarms.wake, "log": task.log, **common}
        self._watch(service, names=names, release=release, **page)
        cdk.Tags.of(self).add(MODEL_TAG, release.name)
        self.add_metadata("Lathe", told(config, release))
        cdk.CfnOutput(self, "Address", value=balancer.address)

    def _watch(self, service: ecs.BaseService, **page: Any) -> None:
        """What refers to the service, and so comes after it."""
        ServiceAlarms(self, "ServiceAlarms", service=service, wake=page["wake"])
        if page["config"].watch.dashboard:
            EndpointDashboard(self, "Dashboard", service=service, **page)
