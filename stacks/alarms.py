"""What wakes somebody about an endpoint: slow, failing, absent."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from stacks.balancer import Balancer
from stacks.settings.endpoint import EndpointConfig

MINUTE = cdk.Duration.minutes(1)
ABOVE = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
BELOW = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
SILENCE_IS_FINE = cloudwatch.TreatMissingData.NOT_BREACHING
SILENCE_IS_BAD = cloudwatch.TreatMissingData.BREACHING


class EndpointAlarms(Construct):
    """The three ways a caller can notice; slow and failing also roll a deployment back.

    Alarms have literal names, so that the service can name them without a reference:
    they refer to the load balancer that the service waits for.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        balancer: Balancer,
        config: EndpointConfig,
        prefix: str,
    ) -> None:
        super().__init__(scope, id_)
        self._prefix = prefix
        self._action = actions.SnsAction(self._topic(config.watch.emails))
        metrics = balancer.targets.metrics
        # The metric is in seconds, the objective in milliseconds.
        slow = metrics.target_response_time(statistic="p99", period=MINUTE)
        seconds = config.watch.latency_slo_ms / 1000
        self._alarm("Slow", slow, ABOVE, seconds, SILENCE_IS_FINE)
        failing = failing_percent(balancer)
        percent = config.watch.failing_percent
        self._alarm("Failing", failing, ABOVE, percent, SILENCE_IS_FINE)
        # Counted zone by zone: the largest count is none only where all have none.
        healthy = metrics.healthy_host_count(period=MINUTE, statistic="Maximum")
        self._alarm("Absent", healthy, BELOW, 1, SILENCE_IS_BAD)
        self.rollback_names = [f"{prefix}-{what}" for what in ("slow", "failing")]

    def _alarm(
        self,
        id_: str,
        metric: cloudwatch.IMetric,
        comparison: cloudwatch.ComparisonOperator,
        threshold: float,
        silence: cloudwatch.TreatMissingData,
    ) -> None:
        alarm = cloudwatch.Alarm(
            self,
            id_,
            alarm_name=f"{self._prefix}-{id_.lower()}",
            metric=metric,
            threshold=threshold,
            comparison_operator=comparison,
            evaluation_periods=5,
            datapoints_to_alarm=3,
            treat_missing_data=silence,
        )
        alarm.add_alarm_action(self._action)
        alarm.add_ok_action(self._action)

    def _topic(self, emails: tuple[str, ...]) -> sns.Topic:
        topic = sns.Topic(self, "Wake", enforce_ssl=True)
        # A policy of its own replaces the default one, which let alarms publish.
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={
                    "StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}
                },
            )
        )
        for email in emails:
            topic.add_subscription(subscriptions.EmailSubscription(email))
        return topic


def failing_percent(balancer: Balancer) -> cloudwatch.MathExpression:
    """Return the share of requests answered 5xx, by tasks or in their place.

    Where no task is there to answer, only the load balancer's own 5xx tell of it, and
    it does not count such a request.
    """
    targets, own = balancer.targets.metrics, balancer.load_balancer.metrics
    code, own_code = elbv2.HttpCodeTarget, elbv2.HttpCodeElb
    return cloudwatch.MathExpression(
        label="5xx, percent of requests",
        expression="100 * (FILL(failed, 0) + FILL(unanswered, 0))"
        " / (FILL(requests, 0) + FILL(unanswered, 0))",
        using_metrics={
            "failed": targets.http_code_target(code.TARGET_5XX_COUNT, period=MINUTE),
            "unanswered": own.http_code_elb(own_code.ELB_5XX_COUNT, period=MINUTE),
            "requests": own.request_count(period=MINUTE),
        },
        period=MINUTE,
    )
