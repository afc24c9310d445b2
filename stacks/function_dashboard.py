"""The page of a serverless endpoint: who calls, how long it takes, how many at once."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from constructs import Construct

from manifest import Manifest
from stacks.alarms import Wake
from stacks.calls import Calls
from stacks.dashboard import HALF, errors, graph, head
from stacks.settings.serverless import ServerlessConfig
from stacks.settings.stage import StageConfig


class FunctionDashboard(Construct):
    """Named as its stack."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        stage: StageConfig,
        config: ServerlessConfig,
        release: Manifest,
        calls: Calls,
        wake: Wake,
        log: logs.ILogGroup,
    ) -> None:
        super().__init__(scope, id_)
        text = (
            f"# {config.name} in {stage.name}\n{release.name} {release.version}, by a"
            f" function. When an alarm goes off: {wake.runbook('ALARM')}"
        )
        watch, most = config.watch, config.concurrency
        durations = [calls.milliseconds(each) for each in ("p50", "p99")]
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=wake.prefix,
            default_interval=cdk.Duration.hours(12),
            widgets=[
                head(text, wake),
                [
                    graph("Requests a minute", [calls.requests()]),
                    graph(
                        "Milliseconds until answered",
                        [*durations, calls.longest()],
                        ((watch.latency_slo_ms, "objective of p99"),),
                    ),
                    graph(
                        "Failing and refused, percent",
                        [calls.failing_percent(), calls.refused_percent()],
                        ((watch.failing_percent, "errors"),),
                    ),
                ],
                [
                    graph(
                        "Environments at once",
                        [calls.at_once()],
                        ((most, "most"),),
                        width=HALF,
                    ),
                    graph(
                        "Requests throttled, and beyond the environments kept warm",
                        [calls.throttled(), calls.spilled()],
                        width=HALF,
                    ),
                ],
                [errors(log)],
            ],
        )
