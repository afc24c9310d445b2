"""One page an endpoint: is it well, is it full, what does it cost."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_events as events
from aws_cdk import aws_logs as logs
from constructs import Construct

from manifest import Manifest
from stacks.alarms import SATURATED_PERCENT, Wake
from stacks.names import Names
from stacks.settings.compute import InstancesConfig
from stacks.settings.endpoint import EndpointConfig
from stacks.settings.stage import StageConfig
from stacks.telemetry import (
    agent_gpu,
    cache_percent,
    dollars_an_hour,
    dollars_per_million,
    from_server,
    managed_gpu,
    running,
)
from stacks.traffic import MINUTE, Traffic

WIDE, HALF, THIRD = 24, 12, 8  # of a page that is 24 wide

Bounds = Sequence[tuple[float, str]]  # lines across a graph, and what they are
Row = list[cloudwatch.IWidget]


class EndpointDashboard(Construct):
    """Named as its stack. Graphs of the server's own metrics are empty until it has them."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        stage: StageConfig,
        config: EndpointConfig,
        release: Manifest,
        names: Names,
        traffic: Traffic,
        service: ecs.BaseService,
        wake: Wake,
        log: logs.ILogGroup,
    ) -> None:
        super().__init__(scope, id_)
        self._stage, self._config, self._names = stage, config, names
        self._traffic, self._service, self._wake = traffic, service, wake
        hourly = dollars_an_hour(stage, config, release)
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=wake.prefix,
            default_interval=cdk.Duration.hours(12),
            widgets=[
                self._title(release),
                self._now(),
                self._callers(),
                self._tasks(),
                self._server(),
                *self._costs(hourly),
                *self._gpus(),
                [errors(log)],
            ],
        )

    def _title(self, release: Manifest) -> Row:
        stage, config = self._stage.name, self._config
        text = (
            f"# {config.name} in {stage}\n{release.name} {release.version},"
            f" {config.runtime}. When an alarm goes off: {self._wake.runbook('ALARM')}"
        )
        return head(text, self._wake)

    def _now(self) -> Row:
        traffic = self._traffic
        shown = (
            ("Requests a minute", traffic.requests()),
            ("p99, ms", traffic.milliseconds("p99")),
            ("5xx, percent", traffic.failing_percent()),
            ("Tasks", running(self._service)),
        )
        return [
            cloudwatch.SingleValueWidget(
                title=title, metrics=[metric], sparkline=True, width=6, height=4
            )
            for title, metric in shown
        ]

    def _callers(self) -> Row:
        traffic, watch = self._traffic, self._config.watch
        times = [traffic.milliseconds(each) for each in ("p50", "p95", "p99")]
        shares = [traffic.failing_percent(), traffic.refused_percent()]
        allowed = (
            (watch.failing_percent, "failing"),
            (watch.refused_percent, "refused"),
        )
        objective = ((watch.latency_slo_ms, "objective of p99"),)
        return [
            graph(
                "Requests a minute; rollouts on the right",
                [traffic.requests()],
                right=[self._rollouts()],
            ),
            graph("Milliseconds until answered", times, objective),
            graph("Failing and refused, percent", shares, allowed),
        ]

    def _tasks(self) -> Row:
        service, traffic = self._service, self._traffic
        scaling = self._config.scaling
        full = ((SATURATED_PERCENT, "alarm"),)
        used = [
            service.metric_cpu_utilization(period=MINUTE),
            service.metric_memory_utilization(period=MINUTE),
        ]
        counts = [running(service), traffic.healthy_tasks(), traffic.unhealthy_tasks()]
        ends = ((scaling.min_tasks, "least"), (scaling.max_tasks, "most"))
        return [
            graph("CPU and memory, percent", used, full, most=100),
            graph("Requests in flight", [traffic.in_flight()]),
            graph("Tasks", counts, ends),
        ]

    def _server(self) -> Row:
        stage, endpoint = self._stage.name, self._config.name
        sizes = [
            from_server(stage, endpoint, "BatchSize", each)
            for each in ("Average", "p99")
        ]
        refused = [from_server(stage, endpoint, "Rejected")]
        cached = [cache_percent(stage, endpoint)]
        return [
            graph("Batch size, from the server", sizes),
            graph("Cache hits, percent, from the server", cached, most=100),
            graph("429 and 503, from the server", refused),
        ]

    def _costs(self, hourly: float | None) -> list[Row]:
        """Nothing where the region has no price book."""
        if hourly is None:
            return []
        metric = dollars_per_million(hourly, self._traffic, self._service)
        counted = f"tasks alone, {hourly:.4f} an hour each, on demand"
        so_far = cloudwatch.SingleValueWidget(
            title="USD a million requests, so far",
            metrics=[metric],
            set_period_to_time_range=True,  # of all the time that the page shows
            width=THIRD,
            height=6,
        )
        hours = graph(f"USD a million requests: {counted}", [metric], width=2 * THIRD)
        return [[so_far, hours]]

    def _gpus(self) -> list[Row]:
        """Of a pool as a whole, unless AWS looks after the instances and counts tasks."""
        compute, stage = self._config.compute, self._stage
        if not isinstance(compute, InstancesConfig) or not compute.gpus:
            return []
        (pool,) = (pool for pool in stage.pools if pool.name == compute.pool)
        if pool.managed and stage.container_insights == "enhanced":
            where = "of the endpoint's tasks"
            metrics = managed_gpu(self._names.cluster, self._service.service_name)
        else:
            where = "of the pool, by the CloudWatch agent on its instances"
            metrics = agent_gpu(self._names.pool(pool.name))
        titles = (f"GPU, percent: {where}", f"GPU memory, percent: {where}")
        return [
            [
                graph(title, [metric], most=100, width=HALF)
                for title, metric in zip(titles, metrics, strict=True)
            ]
        ]

    def _rollouts(self) -> cloudwatch.IMetric:
        """A mark where ECS began, finished or gave up a rollout.

        The rule tells nobody: CloudWatch counts how often it matched.
        """
        name = f"{self._wake.prefix}-rollouts"
        events.CfnRule(
            self,
            "Rollouts",
            name=name,
            description="Counts rollouts, for the dashboard",
            event_pattern={
                "source": ["aws.ecs"],
                "detail-type": ["ECS Deployment State Change"],
                "resources": [self._service.service_arn],
            },
        )
        return cloudwatch.Metric(
            namespace="AWS/Events",
            metric_name="TriggeredRules",
            dimensions_map={"RuleName": name},
            statistic="Sum",
            period=MINUTE,
            label="rollout began, finished or failed",
        )


def head(text: str, wake: Wake) -> list[cloudwatch.IWidget]:
    """The first row of a page: what it is of, and how its alarms are."""
    return [
        cloudwatch.TextWidget(markdown=text, width=HALF, height=3),
        cloudwatch.AlarmStatusWidget(
            title="Alarms", alarms=wake.alarms, width=HALF, height=3
        ),
    ]


def errors(log: logs.ILogGroup) -> cloudwatch.IWidget:
    """Servers log what went wrong and no request; a query costs what it scans."""
    return cloudwatch.LogQueryWidget(
        title="What went wrong, from the servers' log",
        log_group_names=[log.log_group_name],
        query_lines=[
            "fields @timestamp, @message, @logStream",
            r"filter @message like /(?i)error|critical|traceback|killed/",
            "sort @timestamp desc",
            "limit 50",
        ],
        width=WIDE,
        height=8,
    )


def graph(
    title: str,
    left: Sequence[cloudwatch.IMetric],
    bounds: Bounds = (),
    *,
    right: Sequence[cloudwatch.IMetric] = (),
    most: float | None = None,
    width: int = THIRD,
) -> cloudwatch.IWidget:
    """Lines over time, from zero."""
    lines = [cloudwatch.HorizontalAnnotation(value=v, label=what) for v, what in bounds]
    return cloudwatch.GraphWidget(
        title=title,
        left=list(left),
        right=list(right),
        left_annotations=lines,
        left_y_axis=cloudwatch.YAxisProps(min=0, max=most),
        right_y_axis=cloudwatch.YAxisProps(min=0),
        width=width,
    )
