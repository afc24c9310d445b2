"""When tasks are added and taken away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_applicationautoscaling as appscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.settings.compute import TaskSize
from stacks.settings.endpoint import EndpointConfig
from stacks.traffic import Traffic

MINUTE = cdk.Duration.minutes(1)
OUT, IN = MINUTE, cdk.Duration.minutes(5)  # between one step and the next

Policy = appscaling.CfnScalingPolicy
Groups = Sequence[elbv2.ApplicationTargetGroup]
Metrics = Mapping[str, cloudwatch.Metric]


class TaskScaling(Construct):
    """Tasks are added while any of the measures is above its target.

    No desired count is in the template: it would reset a scaled service at each deploy.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        service: ecs.BaseService,
        config: EndpointConfig,
        traffic: Traffic,
        size: TaskSize,
    ) -> None:
        super().__init__(scope, id_)
        scaling, groups = config.scaling, traffic.groups
        self._tasks = appscaling.ScalableTarget(
            self,
            "Tasks",
            service_namespace=appscaling.ServiceNamespace.ECS,
            scalable_dimension="ecs:service:DesiredCount",
            resource_id=f"service/{service.cluster.cluster_name}/{service.service_name}",
            min_capacity=scaling.min_tasks,
            max_capacity=scaling.max_tasks,
            role=service_role(self),
        )
        a_second = size.requests_per_second * scaling.load_percent / 100
        target = max(1, int(a_second * 60))
        self._track("Requests", target, *requests_per_task(groups))
        if scaling.in_flight is not None:
            self._track("InFlight", scaling.in_flight, *in_flight_per_task(groups))
        if scaling.cpu_percent is not None:
            self._tasks.scale_to_track_metric(
                "Cpu",
                predefined_metric=(
                    appscaling.PredefinedMetric.ECS_SERVICE_AVERAGE_CPU_UTILIZATION
                ),
                target_value=scaling.cpu_percent,
                scale_out_cooldown=OUT,
                scale_in_cooldown=IN,
            )
        for place, scheduled in enumerate(scaling.schedule):
            self._tasks.scale_on_schedule(
                f"Schedule{place}",
                schedule=appscaling.Schedule.expression(f"cron({scheduled.cron})"),
                time_zone=cdk.TimeZone.of(scheduled.time_zone),
                min_capacity=scheduled.min_tasks,
                max_capacity=scheduled.max_tasks,
            )

    def _track(
        self, name: str, target: float, expression: str, metrics: Metrics
    ) -> None:
        """Keep an expression at its target; CDK's own policies take one metric only."""
        queries = [
            Policy.TargetTrackingMetricDataQueryProperty(
                id=id_, metric_stat=_stat(metric), return_data=False
            )
            for id_, metric in metrics.items()
        ]
        result = Policy.TargetTrackingMetricDataQueryProperty(
            id="result", expression=expression, return_data=True
        )
        Policy(
            self,
            name,
            policy_name=f"{cdk.Stack.of(self).stack_name}-{name.lower()}",
            policy_type="TargetTrackingScaling",
            scaling_target_id=self._tasks.scalable_target_id,
            target_tracking_scaling_policy_configuration=(
                Policy.TargetTrackingScalingPolicyConfigurationProperty(
                    target_value=target,
                    scale_out_cooldown=OUT.to_seconds(),
                    scale_in_cooldown=IN.to_seconds(),
                    customized_metric_specification=(
                        Policy.CustomizedMetricSpecificationProperty(
                            metrics=[*queries, result]
                        )
                    ),
                )
            ),
        )


def service_role(scope: Construct) -> iam.IRole:
    """The one that AWS makes, and takes whatever else it is told; as CDK's ECS does."""
    arn = cdk.Stack.of(scope).format_arn(
        service="iam",
        region="",
        resource="role/aws-service-role/ecs.application-autoscaling.amazonaws.com",
        resource_name="AWSServiceRoleForApplicationAutoScaling_ECSService",
    )
    return iam.Role.from_role_arn(scope, "Role", arn, mutable=False)


def requests_per_task(groups: Groups) -> tuple[str, Metrics]:
    """Requests a minute for each task of a revision, over all target groups.

    The predefined metric knows one group only. While requests shift, both revisions
    have as many tasks, so what the groups count per task adds up to what one revision
    would be asked alone.
    """
    metrics = {f"requests{n}": _requests(group) for n, group in enumerate(groups)}
    return " + ".join(f"FILL({name}, 0)" for name in metrics), metrics


def in_flight_per_task(groups: Groups) -> tuple[str, Metrics]:
    """Requests a task works on at a time: arrivals times the time each takes.

    Little, J. D. C. (1961). A proof for the queuing formula L = lambda W.
    """
    metrics: dict[str, cloudwatch.Metric] = {}
    terms = []
    for n, group in enumerate(groups):
        metrics[f"requests{n}"] = _requests(group)
        metrics[f"seconds{n}"] = group.metrics.target_response_time(
            statistic="Average", period=MINUTE
        )
        terms.append(f"FILL(requests{n}, 0) / 60 * FILL(seconds{n}, 0)")
    return " + ".join(terms), metrics


def _requests(group: elbv2.ApplicationTargetGroup) -> cloudwatch.Metric:
    return group.metrics.request_count_per_target(statistic="Sum", period=MINUTE)


def _stat(metric: cloudwatch.Metric) -> Policy.TargetTrackingMetricStatProperty:
    dimensions = [
        Policy.TargetTrackingMetricDimensionProperty(name=name, value=value)
        for name, value in (metric.dimensions or {}).items()
    ]
    return Policy.TargetTrackingMetricStatProperty(
        stat=metric.statistic,
        metric=Policy.TargetTrackingMetricProperty(
            namespace=metric.namespace,
            metric_name=metric.metric_name,
            dimensions=dimensions,
        ),
    )
