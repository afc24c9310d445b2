"""Workers as many as what waits in the queues, and none once nothing does."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_applicationautoscaling as appscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.scaling import service_role
from stacks.settings.queued import AsynchronousConfig
from stacks.submissions import Submissions
from stacks.telemetry import running
from stacks.traffic import MINUTE

Metrics = dict[str, cloudwatch.IMetric]

# Load of a worker, in shares of what may wait for it, from which on -> workers more.
STEPS: Mapping[int, int] = {1: 1, 2: 2, 4: 4, 8: 8}
COOLDOWN = cdk.Duration.minutes(2)  # until a worker that starts is seen to run


class BacklogScaling(Construct):
    """Steps up by what waits for each worker; from and to zero.

    Target tracking never leaves zero, for nothing is measured there. No desired count
    is in the template: it would reset a scaled service at each deploy. So one worker
    starts with the endpoint, shows that its image starts, and goes.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        service: ecs.BaseService,
        places: Submissions,
        config: AsynchronousConfig,
    ) -> None:
        super().__init__(scope, id_)
        self._tasks = appscaling.ScalableTarget(
            self,
            "Tasks",
            service_namespace=appscaling.ServiceNamespace.ECS,
            scalable_dimension="ecs:service:DesiredCount",
            resource_id=f"service/{service.cluster.cluster_name}/{service.service_name}",
            min_capacity=0,
            max_capacity=config.max_workers,
            role=service_role(self),
        )
        queues = {"items": places.items, "references": places.references}
        self.load = load_of(queues, service, config.backlog_per_worker)
        self.held = held_in(queues)
        self._grow()
        self._shrink(config.idle_minutes)

    def _grow(self) -> None:
        action = appscaling.StepScalingAction(
            self,
            "More",
            scaling_target=self._tasks,
            adjustment_type=appscaling.AdjustmentType.CHANGE_IN_CAPACITY,
            cooldown=COOLDOWN,
            metric_aggregation_type=appscaling.MetricAggregationType.MAXIMUM,
        )
        bounds = [*STEPS, None]
        for (low, more), high in zip(STEPS.items(), bounds[1:], strict=True):
            action.add_adjustment(
                adjustment=more,
                lower_bound=low - 1,
                upper_bound=None if high is None else high - 1,
            )
        cloudwatch.Alarm(
            self,
            "Busy",
            alarm_description="More waits than the workers are to have: scaling adds some",
            metric=self.load,
            threshold=1,
            comparison_operator=(
                cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
            ),
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        ).add_alarm_action(actions.ApplicationScalingAction(action))

    def _shrink(self, minutes: int) -> None:
        action = appscaling.StepScalingAction(
            self,
            "None",
            scaling_target=self._tasks,
            adjustment_type=appscaling.AdjustmentType.EXACT_CAPACITY,
            cooldown=COOLDOWN,
        )
        action.add_adjustment(adjustment=0, upper_bound=0)
        cloudwatch.Alarm(
            self,
            "Idle",
            alarm_description="Nothing waits and nothing is worked on: all workers go",
            metric=self.held,
            threshold=0,
            comparison_operator=(
                cloudwatch.ComparisonOperator.LESS_THAN_OR_EQUAL_TO_THRESHOLD
            ),
            evaluation_periods=minutes,
            # After six quiet hours SQS reports nothing of a queue any more.
            treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
        ).add_alarm_action(actions.ApplicationScalingAction(action))


def load_of(
    queues: Mapping[str, sqs.Queue], service: ecs.BaseService, backlog_per_worker: int
) -> cloudwatch.IMetric:
    """What waits for each worker, as a share of what may; at least 1 for a first one."""
    waiting = _waiting(queues)
    backlog = "(" + " + ".join(f"FILL({name}, 0)" for name in waiting) + ")"
    share = f"{backlog} / {backlog_per_worker}"
    first = f"IF({backlog} > 0, IF({share} > 1, {share}, 1), 0)"
    workers = "FILL(workers, 0)"
    return cloudwatch.MathExpression(
        label="backlog a worker",
        expression=f"IF({workers} > 0, {share} / {workers}, {first})",
        using_metrics={**waiting, "workers": running(service)},
        period=MINUTE,
    )


def held_in(queues: Mapping[str, sqs.Queue]) -> cloudwatch.IMetric:
    """All that is in the queues, worked on or not."""
    metrics = {**_waiting(queues), **_worked_on(queues)}
    return cloudwatch.MathExpression(
        label="in the queues",
        expression=" + ".join(f"FILL({name}, 0)" for name in metrics),
        using_metrics=metrics,
        period=MINUTE,
    )


def _waiting(queues: Mapping[str, sqs.Queue]) -> Metrics:
    return {
        name: queue.metric_approximate_number_of_messages_visible(
            period=MINUTE, statistic="Maximum"
        )
        for name, queue in queues.items()
    }


def _worked_on(queues: Mapping[str, sqs.Queue]) -> Metrics:
    return {
        f"held_{name}": queue.metric_approximate_number_of_messages_not_visible(
            period=MINUTE, statistic="Maximum"
        )
        for name, queue in queues.items()
    }
