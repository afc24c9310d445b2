"""What wakes somebody about an endpoint, and says where to read what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.settings.endpoint import EndpointConfig
from stacks.settings.queued import AsynchronousConfig, QueueWatchConfig
from stacks.settings.stage import StageConfig
from stacks.settings.watch import WatchConfig
from stacks.submissions import Submissions
from stacks.traffic import Traffic

# Above this much of what a task was given, for a quarter of an hour, scaling was no help.
SATURATED_PERCENT = 90

ROLLBACK = ("failing", "slow", "unhealthy")
QUEUE_ROLLBACK = ("dead",)  # a release that ends its workers is taken back

Comparison = cloudwatch.ComparisonOperator


@dataclass(frozen=True)
class Bound:
    """A metric that nobody should see beyond its limit, by the name of its runbook."""

    name: str
    means: str
    metric: cloudwatch.IMetric
    limit: float
    below: bool = False  # True: the limit is the least it should be, and silence is bad
    bad: int = 3  # of the last `periods` ones
    periods: int = 5


def bounds(traffic: Traffic, watch: WatchConfig) -> tuple[Bound, ...]:
    """What callers notice."""
    failing, refused = watch.failing_percent, watch.refused_percent
    return (
        Bound(
            "failing",
            f"More than {failing:g} % of requests get a 5xx",
            traffic.failing_percent(),
            failing,
        ),
        Bound(
            "slow",
            f"One in a hundred requests takes over {watch.latency_slo_ms} ms",
            traffic.milliseconds("p99"),
            watch.latency_slo_ms,
        ),
        Bound(
            "unhealthy",
            "A task does not answer its health check",
            traffic.unhealthy_tasks(),
            0,
            bad=5,
        ),
        Bound(
            "absent",
            "No task is there to answer",
            traffic.healthy_tasks(),
            1,
            below=True,
        ),
        Bound(
            "refused",
            f"More than {refused:g} % of requests get a 4xx, 429 among them",
            traffic.refused_percent(),
            refused,
            bad=12,
            periods=15,
        ),
    )


def saturation(service: ecs.BaseService) -> tuple[Bound, ...]:
    """What makes callers notice next."""
    five = cdk.Duration.minutes(5)
    means = f"Tasks use over {SATURATED_PERCENT} % of their"
    cpu = service.metric_cpu_utilization(period=five)
    memory = service.metric_memory_utilization(period=five)
    return (
        Bound("cpu", f"{means} CPU", cpu, SATURATED_PERCENT, periods=3),
        Bound("memory", f"{means} memory", memory, SATURATED_PERCENT, periods=3),
    )


class Wake(Construct):
    """Whom the alarms of an endpoint or a job tell, and how one of them is made.

    Not encrypted with a key of ours: what is published is names of metrics, and alarms
    may not use the key that AWS keeps for SNS. See docs/decisions/0012.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        stage: StageConfig,
        emails: tuple[str, ...],
        prefix: str,
    ) -> None:
        super().__init__(scope, id_)
        self.prefix, self._runbooks = prefix, stage.runbooks
        self.topic = sns.Topic(self, "Topic", enforce_ssl=True)
        # Policies of its own replace the default one, which let alarms publish.
        own = {"StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}}
        self._allow("cloudwatch.amazonaws.com", own)
        # EventBridge sends SNS no source to put a condition on.
        self._allow("events.amazonaws.com", {})
        for email in emails:
            self.topic.add_subscription(subscriptions.EmailSubscription(email))
        self._action = actions.SnsAction(self.topic)
        self.alarms: list[cloudwatch.IAlarm] = []

    def _allow(self, service: str, conditions: dict[str, dict[str, str]]) -> None:
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(service)],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions=conditions,
            )
        )

    def runbook(self, name: str) -> str:
        return f"Runbook: {self._runbooks}/{name}.md"

    def at(self, scope: Construct, bound: Bound) -> None:
        """Tell when a bound is broken, and when that is over."""
        silence = cloudwatch.TreatMissingData
        self.tell(
            cloudwatch.Alarm(
                scope,
                bound.name.capitalize(),
                alarm_name=f"{self.prefix}-{bound.name}",
                alarm_description=f"{bound.means}. {self.runbook(bound.name)}",
                metric=bound.metric,
                threshold=bound.limit,
                comparison_operator=Comparison.LESS_THAN_THRESHOLD
                if bound.below
                else Comparison.GREATER_THAN_THRESHOLD,
                evaluation_periods=bound.periods,
                datapoints_to_alarm=bound.bad,
                treat_missing_data=silence.BREACHING
                if bound.below
                else silence.NOT_BREACHING,
            )
        )

    def tell(self, alarm: cloudwatch.AlarmBase) -> None:
        alarm.add_alarm_action(self._action)
        alarm.add_ok_action(self._action)
        self.alarms.append(alarm)


class EndpointAlarms(Construct):
    """What callers notice; slow, failing and unhealthy also take a rollout back.

    Alarms have literal names, so that the service can name them without a reference:
    they refer to the load balancer that the service waits for.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        traffic: Traffic,
        stage: StageConfig,
        config: EndpointConfig,
        prefix: str,
    ) -> None:
        super().__init__(scope, id_)
        emails = config.watch.emails
        self.wake = Wake(self, "Wake", stage=stage, emails=emails, prefix=prefix)
        self.rollback_names = [f"{prefix}-{name}" for name in ROLLBACK]
        for bound in bounds(traffic, config.watch):
            self.wake.at(self, bound)
        if config.watch.anomaly_detection:
            self._unusual(traffic)

    def _unusual(self, traffic: Traffic) -> None:
        """AWS learns for two weeks what is usual at which hour of the week."""
        alarm = cloudwatch.AnomalyDetectionAlarm(
            self,
            "Unusual",
            alarm_name=f"{self.wake.prefix}-unusual",
            alarm_description="Far more or fewer requests than usual at this hour."
            f" {self.wake.runbook('unusual')}",
            metric=traffic.load_balancer.metrics.request_count(
                period=cdk.Duration.minutes(5)
            ),
            std_devs=3,
            evaluation_periods=6,
            datapoints_to_alarm=5,
            comparison_operator=Comparison.LESS_THAN_LOWER_OR_GREATER_THAN_UPPER_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        self.wake.tell(alarm)


class QueueAlarms(Construct):
    """What callers of a queue notice: that nothing comes of what they submitted.

    Dead letters also take a rollout back; named literally, as with EndpointAlarms.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        places: Submissions,
        door: lambda_.Function,
        stage: StageConfig,
        config: AsynchronousConfig,
        prefix: str,
    ) -> None:
        super().__init__(scope, id_)
        emails = config.watch.emails
        self.wake = Wake(self, "Wake", stage=stage, emails=emails, prefix=prefix)
        self.rollback_names = [f"{prefix}-{name}" for name in QUEUE_ROLLBACK]
        for bound in queue_bounds(places, door, config.watch):
            self.wake.at(self, bound)


def queue_bounds(
    places: Submissions, door: lambda_.Function, watch: QueueWatchConfig
) -> tuple[Bound, ...]:
    five = cdk.Duration.minutes(5)

    def age(queue: sqs.Queue) -> cloudwatch.IMetric:
        return queue.metric_approximate_age_of_oldest_message(
            period=five, statistic="Maximum"
        )

    dead = places.dead.metric_approximate_number_of_messages_visible(
        period=five, statistic="Maximum"
    )
    return (
        Bound(
            "late",
            f"A submission has waited over {watch.late_minutes} minutes",
            age(places.items),
            watch.late_minutes * 60,
            bad=1,
            periods=1,
        ),
        Bound(
            "overdue",
            f"An object is not answered after {watch.overdue_hours} hours",
            age(places.references),
            watch.overdue_hours * 3600,
            bad=1,
            periods=1,
        ),
        Bound(
            "dead",
            "There are submissions that nobody could answer",
            dead,
            0,
            bad=1,
            periods=1,
        ),
        Bound(
            "door",
            "The function that takes submissions fails",
            door.metric_errors(period=five, statistic="Sum"),
            0,
            periods=3,
            bad=2,
        ),
    )


class ServiceAlarms(Construct):
    """What only the service itself tells of. Nothing waits for these: they refer to it."""

    def __init__(
        self, scope: Construct, id_: str, *, service: ecs.BaseService, wake: Wake
    ) -> None:
        super().__init__(scope, id_)
        for bound in saturation(service):
            wake.at(self, bound)
        tell_of_rollouts(self, service, wake)


def tell_of_rollouts(scope: Construct, service: ecs.BaseService, wake: Wake) -> None:
    """Tell that ECS gave a rollout up, and why it says it did."""
    pattern = {
        "source": ["aws.ecs"],
        "detail-type": ["ECS Deployment State Change"],
        "resources": [service.service_arn],
        "detail": {"eventName": ["SERVICE_DEPLOYMENT_FAILED"]},
    }
    tell_of_failures(scope, pattern, wake, why="$.detail.reason", runbook="rollout")


def tell_of_failures(
    scope: Construct, pattern: dict[str, Any], wake: Wake, *, why: str, runbook: str
) -> None:
    """Tell of events that say a rollout failed; `why` is where they say more."""
    told = f"{wake.prefix}: a rollout failed: <why>. {wake.runbook(runbook)}"
    events.CfnRule(
        scope,
        "Rollout",
        name=f"{wake.prefix}-rollout",
        description=f"Rollouts that failed. {wake.runbook(runbook)}",
        event_pattern=pattern,
        targets=[
            events.CfnRule.TargetProperty(
                id="Wake",
                arn=wake.topic.topic_arn,
                input_transformer=events.CfnRule.InputTransformerProperty(
                    input_paths_map={"why": why},
                    input_template=f'"{told}"',
                ),
            )
        ],
    )
