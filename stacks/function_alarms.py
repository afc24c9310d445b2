"""What wakes somebody about a function, by the names of their runbooks."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_codedeploy as codedeploy
from constructs import Construct

from stacks.alarms import Bound, Wake, tell_of_failures
from stacks.calls import Calls
from stacks.settings.serverless import ServerlessConfig
from stacks.settings.stage import StageConfig

FUNCTION_ROLLBACK = ("errors", "duration")
FULL_PERCENT = 80  # of the environments that may run at once


class FunctionAlarms(Construct):
    """What callers notice, and what they would next; errors and duration stop a canary."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        calls: Calls,
        stage: StageConfig,
        config: ServerlessConfig,
        prefix: str,
    ) -> None:
        super().__init__(scope, id_)
        emails = config.watch.emails
        self.wake = Wake(self, "Wake", stage=stage, emails=emails, prefix=prefix)
        for bound in function_bounds(calls, config):
            self.wake.at(self, bound)
        count = len(FUNCTION_ROLLBACK)
        self.rollback = self.wake.alarms[:count]


def function_bounds(calls: Calls, config: ServerlessConfig) -> tuple[Bound, ...]:
    """Those of FUNCTION_ROLLBACK first, in its order."""
    watch, full = config.watch, config.concurrency * FULL_PERCENT / 100
    return (
        Bound(
            "errors",
            f"More than {watch.failing_percent:g} % of requests get a 5xx",
            calls.failing_percent(),
            watch.failing_percent,
        ),
        Bound(
            "duration",
            f"One in a hundred requests takes over {watch.latency_slo_ms} ms",
            calls.milliseconds("p99"),
            watch.latency_slo_ms,
        ),
        Bound(
            "throttles",
            f"Requests get a 429: {config.concurrency} environments are all that may run",
            calls.throttled(cdk.Duration.minutes(5)),
            0,
            bad=2,
            periods=3,
        ),
        Bound(
            "concurrency",
            f"Over {FULL_PERCENT} % of {config.concurrency} environments run at once",
            calls.at_once(),
            full,
        ),
    )


def tell_of_canaries(
    scope: Construct, application: codedeploy.ILambdaApplication, wake: Wake
) -> None:
    """Tell that CodeDeploy gave a canary up, and which deployment to look at."""
    pattern = {
        "source": ["aws.codedeploy"],
        "detail-type": ["CodeDeploy Deployment State-change Notification"],
        "detail": {
            "application": [application.application_name],
            "state": ["FAILURE", "STOP"],
        },
    }
    why = "$.detail.deploymentId"
    tell_of_failures(scope, pattern, wake, why=why, runbook="canary")
