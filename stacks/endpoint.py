"""One released model behind one load balancer."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from manifest import Manifest
from stacks.alarms import EndpointAlarms, ServiceAlarms
from stacks.balancer import Balancer
from stacks.dashboard import EndpointDashboard
from stacks.names import Names
from stacks.settings.endpoint import EndpointConfig
from stacks.settings.stage import StageConfig
from stacks.tags import MODEL_TAG
from stacks.task import ModelTask
from stacks.traffic import Traffic


class EndpointStack(cdk.Stack):
    """A Fargate service that runs exactly the image its release names."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        stage: StageConfig,
        config: EndpointConfig,
        names: Names,
        release: Manifest,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, id_, **kwargs)
        vpc = _vpc(self, stage, names)
        cluster = ecs.Cluster.from_cluster_attributes(
            self, "Cluster", cluster_name=names.cluster, vpc=vpc, security_groups=[]
        )
        task = ModelTask(self, "Task", stage=stage, config=config, release=release)
        balancer = Balancer(self, "Balancer", vpc=vpc, config=config)
        traffic = Traffic(balancer.load_balancer, [balancer.targets])
        alarms = EndpointAlarms(
            self,
            "Alarms",
            traffic=traffic,
            stage=stage,
            config=config,
            prefix=self.stack_name,
        )
        service = ecs.FargateService(
            self,
            "Service",
            cluster=cluster,
            task_definition=task.definition,
            assign_public_ip=stage.network.public_tasks,
            security_groups=[balancer.tasks],
            min_healthy_percent=100,
            max_healthy_percent=200,
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
        _, serving = release.measured()
        a_second = serving.requests_per_second * config.scaling.load_percent / 100
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


def _vpc(scope: Construct, stage: StageConfig, names: Names) -> ec2.IVpc:
    """The stage's network, by the parameters that its stack wrote."""
    subnets = ssm.StringListParameter.value_for_typed_list_parameter(
        scope, names.task_subnet_ids, ssm.ParameterValueType.STRING
    )
    zones = list(stage.network.availability_zones)
    vpc = ec2.Vpc.from_vpc_attributes(
        scope,
        "Vpc",
        vpc_id=ssm.StringParameter.value_for_string_parameter(scope, names.vpc_id),
        availability_zones=zones,
        public_subnet_ids=[cdk.Fn.select(i, subnets) for i in range(len(zones))],
    )
    for subnet in vpc.public_subnets:  # nothing here asks for their route tables
        cdk.Validations.of(subnet).acknowledge(
            cdk.Acknowledgment(
                id="Annotation::@aws-cdk/aws-ec2:noSubnetRouteTableId",
                reason="imported by id; no route is added to them",
            )
        )
    return vpc
