"""How a function's alias goes from one release to the next, and what takes it back."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.settings.serverless import CanaryConfig


class AliasCanary(Construct):
    """CodeDeploy sends a share of the requests to the new version, and later the rest.

    CloudFormation waits for it: a deploy whose canary an alarm stops has failed, and
    both are back at the release before.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        alias: lambda_.Alias,
        alarms: Sequence[cloudwatch.IAlarm],
        config: CanaryConfig,
    ) -> None:
        super().__init__(scope, id_)
        self.application = codedeploy.LambdaApplication(self, "Application")
        steps = codedeploy.LambdaDeploymentConfig(
            self,
            "Steps",
            traffic_routing=codedeploy.TimeBasedCanaryTrafficRouting(
                interval=cdk.Duration.minutes(config.minutes),
                percentage=config.percent,
            ),
        )
        codedeploy.LambdaDeploymentGroup(
            self,
            "Group",
            application=self.application,
            alias=alias,
            deployment_config=steps,
            alarms=list(alarms),
            auto_rollback=codedeploy.AutoRollbackConfig(
                failed_deployment=True,
                stopped_deployment=True,
                deployment_in_alarm=True,
            ),
            # AWS's own policy for this may move every alias of the account.
            role=_role(self, alias).without_policy_updates(),
        )


def _role(scope: Construct, alias: lambda_.Alias) -> iam.Role:
    """May move this alias, and see how alarms are."""
    function = alias.lambda_.function_arn
    alarms = cdk.Stack.of(scope).format_arn(
        service="cloudwatch",
        resource="alarm",
        resource_name="*",
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )
    move = ["lambda:GetAlias", "lambda:UpdateAlias"]
    look = ["lambda:GetProvisionedConcurrencyConfig"]
    statements = [
        iam.PolicyStatement(actions=move, resources=[function]),
        iam.PolicyStatement(actions=look, resources=[f"{function}:*"]),
        iam.PolicyStatement(actions=["cloudwatch:DescribeAlarms"], resources=[alarms]),
    ]
    return iam.Role(
        scope,
        "Role",
        assumed_by=iam.ServicePrincipal("codedeploy.amazonaws.com"),
        inline_policies={"Move": iam.PolicyDocument(statements=statements)},
    )
