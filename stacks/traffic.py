"""What a load balancer counts of an endpoint's requests, over all its target groups.

While requests move from one revision to the next, each has a target group of its own.
A share or a percentile is then that of the worse one, or a bad revision that gets a
tenth of the requests would hide behind the good one; a count is the sum of both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_elasticloadbalancingv2 as elbv2

MINUTE = cdk.Duration.minutes(1)

Metrics = Mapping[str, cloudwatch.IMetric]


@dataclass(frozen=True)
class Traffic:
    """Metrics of the minute; `groups` are one, or two where a rollout shifts."""

    load_balancer: elbv2.ApplicationLoadBalancer
    groups: Sequence[elbv2.ApplicationTargetGroup]
    period: cdk.Duration = field(default=MINUTE)

    def requests(self) -> cloudwatch.IMetric:
        """Requests that reached a task."""
        answered = self._answered()
        return self._expression("requests", summed(answered), answered)

    def milliseconds(self, statistic: str) -> cloudwatch.IMetric:
        """Time until a task had answered, of the slower target group."""
        seconds = {
            f"{statistic}of{n}": group.metrics.target_response_time(
                statistic=statistic, period=self.period
            )
            for n, group in enumerate(self.groups)
        }
        return self._expression(statistic, f"1000 * {worst(seconds)}", seconds)

    def failing_percent(self) -> cloudwatch.IMetric:
        """The share of requests answered 5xx, by tasks or in their place.

        Where no task is there to answer, only the load balancer's own 5xx tell of it,
        and no target group counts such a request.
        """
        code = elbv2.HttpCodeElb.ELB_5XX_COUNT
        unanswered = self.load_balancer.metrics.http_code_elb(code, period=self.period)
        return self._share(
            "5xx, percent",
            "failed",
            elbv2.HttpCodeTarget.TARGET_5XX_COUNT,
            {"unanswered": unanswered},
        )

    def refused_percent(self) -> cloudwatch.IMetric:
        """The share of requests that tasks answered 4xx, 429 among them, or that the
        load balancer had no connection left for."""
        metrics = self.load_balancer.metrics
        return self._share(
            "refused, percent",
            "refused",
            elbv2.HttpCodeTarget.TARGET_4XX_COUNT,
            {"unconnected": metrics.rejected_connection_count(period=self.period)},
        )

    def healthy_tasks(self) -> cloudwatch.IMetric:
        # Counted zone by zone: the largest count is none only where all have none.
        healthy = {
            f"healthy{n}": group.metrics.healthy_host_count(
                statistic="Maximum", period=self.period
            )
            for n, group in enumerate(self.groups)
        }
        return self._expression("healthy tasks", summed(healthy), healthy)

    def unhealthy_tasks(self) -> cloudwatch.IMetric:
        unhealthy = {
            f"unhealthy{n}": group.metrics.unhealthy_host_count(
                statistic="Maximum", period=self.period
            )
            for n, group in enumerate(self.groups)
        }
        return self._expression("unhealthy tasks", summed(unhealthy), unhealthy)

    def in_flight(self) -> cloudwatch.IMetric:
        """Requests that tasks work on at a time, all together.

        Little's law: arrivals a second, times the seconds that each stays.
        """
        times = {
            f"seconds{n}": group.metrics.target_response_time(
                statistic="Average", period=self.period
            )
            for n, group in enumerate(self.groups)
        }
        parts = [
            f"FILL(answered{n}, 0) * FILL(seconds{n}, 0)"
            for n in range(len(self.groups))
        ]
        expression = f"({' + '.join(parts)}) / {self.period.to_seconds():g}"
        return self._expression(
            "requests in flight", expression, {**self._answered(), **times}
        )

    def _answered(self) -> dict[str, cloudwatch.IMetric]:
        return {
            f"answered{n}": group.metrics.request_count(period=self.period)
            for n, group in enumerate(self.groups)
        }

    def _share(
        self, label: str, name: str, code: elbv2.HttpCodeTarget, lost: Metrics
    ) -> cloudwatch.IMetric:
        """The share of all requests, or of those of a target group where that is more."""
        bad = {
            f"{name}{n}": group.metrics.http_code_target(code, period=self.period)
            for n, group in enumerate(self.groups)
        }
        answered = self._answered()
        (dropped,) = lost
        unseen = f"FILL({dropped}, 0)"
        overall = f"100 * ({summed(bad)} + {unseen}) / ({summed(answered)} + {unseen})"
        shares = [overall]
        if len(self.groups) > 1:
            shares += [
                f"100 * FILL({name}{n}, 0) / answered{n}"
                for n in range(len(self.groups))
            ]
        expression = overall if len(shares) == 1 else f"MAX([{', '.join(shares)}])"
        return self._expression(label, expression, {**bad, **answered, **lost})

    def _expression(
        self, label: str, expression: str, metrics: Metrics
    ) -> cloudwatch.IMetric:
        return cloudwatch.MathExpression(
            label=label,
            expression=expression,
            using_metrics=dict(metrics),
            period=self.period,
        )


def summed(metrics: Metrics) -> str:
    """Add them up; a target group without requests reports nothing at all."""
    return " + ".join(f"FILL({each}, 0)" for each in metrics)


def worst(metrics: Metrics) -> str:
    """The largest of those that report."""
    names = list(metrics)
    return names[0] if len(names) == 1 else f"MAX([{', '.join(names)}])"
