"""What Lambda counts of a function, and of the address that callers ask it at."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_

from stacks.traffic import MINUTE


class Calls:
    """Metrics of one alias, whichever versions answer for it."""

    def __init__(self, alias: lambda_.Alias) -> None:
        self._function = alias.lambda_.function_name
        self._alias = alias.alias_name

    def requests(self) -> cloudwatch.IMetric:
        return self._url("UrlRequestCount", label="requests")

    def failing_percent(self) -> cloudwatch.IMetric:
        """Of requests answered 5xx, by the server or for a function that failed."""
        return self._percent("failing", "Url5xxCount", "5xx")

    def refused_percent(self) -> cloudwatch.IMetric:
        """Of requests answered 4xx, throttled ones among them."""
        return self._percent("refused", "Url4xxCount", "4xx")

    def milliseconds(self, statistic: str) -> cloudwatch.IMetric:
        """Of the answer alone: the start of an environment is not among them."""
        return self._url("Duration", statistic, label=statistic)

    def longest(self) -> cloudwatch.IMetric:
        """Milliseconds until a caller was answered, starts and all."""
        return self._url(
            "UrlRequestLatency", "Maximum", label="longest, with its start"
        )

    def at_once(self) -> cloudwatch.IMetric:
        return self._whole("ConcurrentExecutions", "Maximum", "environments")

    def throttled(self, period: cdk.Duration = MINUTE) -> cloudwatch.IMetric:
        return self._whole("Throttles", "Sum", "throttled", period)

    def spilled(self) -> cloudwatch.IMetric:
        """Requests that no environment was warm for, though some are kept so."""
        name = "ProvisionedConcurrencySpilloverInvocations"
        return self._whole(name, "Sum", "beyond those kept warm")

    def _percent(self, which: str, name: str, label: str) -> cloudwatch.IMetric:
        return cloudwatch.MathExpression(
            label=label,
            expression=f"100 * {which} / requests",
            using_metrics={which: self._url(name), "requests": self.requests()},
            period=MINUTE,
        )

    def _url(
        self, name: str, statistic: str = "Sum", label: str | None = None
    ) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/Lambda",
            metric_name=name,
            dimensions_map={
                "FunctionName": self._function,
                "Resource": f"{self._function}:{self._alias}",
            },
            statistic=statistic,
            period=MINUTE,
            label=label,
        )

    def _whole(
        self, name: str, statistic: str, label: str, period: cdk.Duration = MINUTE
    ) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/Lambda",
            metric_name=name,
            dimensions_map={"FunctionName": self._function},
            statistic=statistic,
            period=period,
            label=label,
        )
