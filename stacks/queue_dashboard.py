"""One page of an asynchronous endpoint: what waits, who works, what it costs."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from manifest import Manifest
from stacks.alarms import Wake
from stacks.backlog import BacklogScaling
from stacks.dashboard import errors, graph, head
from stacks.settings.queued import AsynchronousConfig
from stacks.settings.stage import StageConfig
from stacks.submissions import Submissions
from stacks.telemetry import running
from stacks.traffic import MINUTE


class QueueDashboard(Construct):
    """Named as its stack."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        stage: StageConfig,
        config: AsynchronousConfig,
        release: Manifest,
        places: Submissions,
        scaling: BacklogScaling,
        service: ecs.BaseService,
        door: lambda_.Function,
        wake: Wake,
        log: logs.ILogGroup,
    ) -> None:
        super().__init__(scope, id_)
        text = (
            f"# {config.name} in {stage.name}\n{release.name} {release.version}, by a"
            f" queue. When an alarm goes off: {wake.runbook('ALARM')}"
        )
        queues = (places.items, places.references)
        waits = ((config.watch.late_minutes * 60, "late"),)
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=wake.prefix,
            default_interval=cdk.Duration.hours(12),
            widgets=[
                head(text, wake),
                [
                    graph("In the queues", [scaling.held, *map(_sent, queues)]),
                    graph("Seconds that the oldest waits", [*map(_age, queues)], waits),
                    graph(
                        "Dead letters",
                        [
                            places.dead.metric_approximate_number_of_messages_visible(
                                period=MINUTE
                            )
                        ],
                    ),
                ],
                [
                    graph(
                        "Workers; backlog of each, in shares of what it may be",
                        [running(service)],
                        ((config.max_workers, "most"),),
                        right=[scaling.load],
                    ),
                    graph(
                        "CPU and memory of workers, percent",
                        [
                            service.metric_cpu_utilization(period=MINUTE),
                            service.metric_memory_utilization(period=MINUTE),
                        ],
                        most=100,
                    ),
                    graph(
                        "Calls of the door, its errors and refusals for being many",
                        [
                            door.metric_invocations(period=MINUTE),
                            door.metric_errors(period=MINUTE),
                            door.metric_throttles(period=MINUTE),
                        ],
                    ),
                ],
                [errors(log)],
            ],
        )


def _sent(queue: sqs.Queue) -> cloudwatch.IMetric:
    return queue.metric_number_of_messages_sent(period=MINUTE, label="sent")


def _age(queue: sqs.Queue) -> cloudwatch.IMetric:
    return queue.metric_approximate_age_of_oldest_message(period=MINUTE)
