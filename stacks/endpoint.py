"""One released model behind one load balancer."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from manifest import Manifest
from stacks.addresses import read_addresses, read_subnets
from stacks.alarms import EndpointAlarms, ServiceAlarms
from stacks.balancer import Balancer
from stacks.dashboard import EndpointDashboard
from stacks.names import Names
from stacks.placement import place
from stacks.settings.delivery import DeliveryConfig
from stacks.settings.endpoint import EndpointConfig
from stacks.settings.stage import StageConfig
from stacks.size import task_size
from stacks.tags import MODEL_TAG
from stacks.task import ModelTask
from stacks.traffic import Traffic


class EndpointStack(cdk.Stack):
    """A service that runs exactly the image its release names."""

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
        cluster = ecs.Cluster.from_cluster_attributes(
            self, "Cluster", cluster_name=names.cluster, vpc=where.vpc
        )
        size = task_size(config, release)
        task = ModelTask(
            self,
            "Task",
            delivery=delivery,
            stage=stage,
            config=config,
            release=release,
            size=size,
        )
        balancer = Balancer(
            self, "Balancer", vpc=where.vpc, subnets=facing, config=config
        )
        traffic = Traffic(balancer.load_balancer, [balancer.targets])
        alarms = EndpointAlarms(
            self,
            "Alarms",
            traffic=traffic,
            stage=stage,
            config=config,
            prefix=self.stack_name,
        )
        service = place(
            self,
            "Service",
            stage=stage,
            config=config,
            names=names,
            where=where,
            cluster=cluster,
            task_definition=task.definition,
            security_groups=[balancer.tasks],
            min_healthy_percent=config.rollout.min_healthy_percent,
            max_healthy_percent=config.rollout.max_healthy_percent,
            health_check_grace_period=cdk.Duration.seconds(60),
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            deployment_alarms=ecs.DeploymentAlarmConfig(
                alarm_names=alarms.rollback_names,
                behavior=ecs.AlarmBehavior.ROLLBACK_ON_ALARM,
            ),
            propagate_tags=ecs.PropagatedTagSource.SERVICE,
            enable_ecs_managed_tags=True,
        )
        service.node.add_dependency(balancer.listener, alarms)
        ServiceAlarms(self, "ServiceAlarms", service=service, wake=alarms.wake)
        if config.watch.dashboard:
            EndpointDashboard(
                self,
                "Dashboard",
                stage=stage,
                config=config,
                release=release,
                names=names,
                traffic=traffic,
                service=service,
                wake=alarms.wake,
            )
        balancer.targets.add_target(service)
        tasks = service.auto_scale_task_count(
            min_capacity=config.scaling.min_tasks, max_capacity=config.scaling.max_tasks
        )
        a_second = size.requests_per_second * config.scaling.load_percent / 100
        tasks.scale_on_request_count(
            "Requests",
            requests_per_target=max(1, int(a_second * 60)),  # a minute
            target_group=balancer.targets,
        )
        if config.scaling.cpu_percent is not None:
            percent = config.scaling.cpu_percent
            tasks.scale_on_cpu_utilization("Cpu", target_utilization_percent=percent)
        cdk.Tags.of(self).add(MODEL_TAG, release.name)
        cdk.CfnOutput(self, "Address", value=balancer.address)
