"""What pages somebody about an endpoint: slow, failing, absent."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from stacks.balancer import Balancer
from stacks.config import EndpointConfig

ABOVE = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
BELOW = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD


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
        minute = cdk.Duration.minutes(1)
        targets = balancer.targets.metrics
        # The metric is in seconds, the objective in milliseconds.
        slow = targets.target_response_time(statistic="p99", period=minute)
        self._alarm("Slow", slow, ABOVE, config.latency_slo_ms / 1000)

        failed = targets.http_code_target(
            elbv2.HttpCodeTarget.TARGET_5XX_COUNT, period=minute
        )
        per_minute = config.requests_per_task * config.min_tasks
        allowed = config.failing_percent / 100 * per_minute
        self._alarm("Failing", failed, ABOVE, allowed)

        healthy = targets.healthy_host_count(period=minute, statistic="Minimum")
        self._alarm("Absent", healthy, BELOW, config.min_tasks, silence_is_bad=True)
        self.rollback_names = [f"{prefix}-{what}" for what in ("slow", "failing")]

    def _alarm(
        self,
        id_: str,
        metric: cloudwatch.IMetric,
        comparison: cloudwatch.ComparisonOperator,
        threshold: float,
        *,
        silence_is_bad: bool = False,
    ) -> None:
        missing = cloudwatch.TreatMissingData
        cloudwatch.Alarm(
            self,
            id_,
            alarm_name=f"{self._prefix}-{id_.lower()}",
            metric=metric,
            threshold=threshold,
            comparison_operator=comparison,
            evaluation_periods=5,
            datapoints_to_alarm=3,
            treat_missing_data=(
                missing.BREACHING if silence_is_bad else missing.NOT_BREACHING
            ),
        )
