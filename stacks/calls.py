"""What Lambda counts of a function, and of the address that callers ask it at."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_

from stacks.traffic import MINUTE


class Calls:
    """Metrics of one alias, whichever versions answer for it."""

    def __init__(self, alias: lambda_.Alias) -> None:
        function = alias.lambda_.function_name
        self._function = {"FunctionName": function}
        self._alias = {**self._function, "Resource": f"{function}:{alias.alias_name}"}

    def requests(self) -> cloudwatch.IMetric:
        return _metric("UrlRequestCount", self._alias)

    def failing_percent(self) -> cloudwatch.IMetric:
        """Of requests answered 5xx, by the server or for a function that failed."""
        return self._percent("failing", "Url5xxCount", "5xx")

    def refused_percent(self) -> cloudwatch.IMetric:
        """Of requests answered 4xx, throttled ones among them."""
        return self._percent("refused", "Url4xxCount", "4xx")

    def milliseconds(self, statistic: str) -> cloudwatch.IMetric:
        """Of the answer alone: the start of an environment is not among them."""
        return _metric("Duration", self._alias, statistic)

    def longest(self) -> cloudwatch.IMetric:
        """Milliseconds until a caller was answered, starts and all."""
        return _metric("UrlRequestLatency", self._alias, "Maximum")

    def at_once(self) -> cloudwatch.IMetric:
        return _metric("ConcurrentExecutions", self._function, "Maximum")

    def throttled(self, period: cdk.Duration = MINUTE) -> cloudwatch.IMetric:
        return _metric("Throttles", self._function, period=period)

    def spilled(self) -> cloudwatch.IMetric:
        """Requests that no environment was warm for, though some are kept so."""
        return _metric("ProvisionedConcurrencySpilloverInvocations", self._function)

    def _percent(self, which: str, name: str, label: str) -> cloudwatch.IMetric:
        return cloudwatch.MathExpression(
            label=label,
            expression=f"100 * {which} / requests",
            using_metrics={
                which: _metric(name, self._alias),
                "requests": self.requests(),
            },
            period=MINUTE,
        )


def _metric(
    name: str,
    dimensions: dict[str, str],
    statistic: str = "Sum",
    period: cdk.Duration = MINUTE,
) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/Lambda",
        metric_name=name,
        dimensions_map=dimensions,
        statistic=statistic,
        period=period,
    )
