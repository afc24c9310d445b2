"""What a stage may cost a month, and who is told before it has."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_ce as ce
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.names import Names
from stacks.settings.stage import StageConfig
from stacks.tags import COST_TAGS, STAGE_TAG

# ACTUAL: what was spent. FORECASTED: what the month will come to at this pace.
THRESHOLDS = (("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100))


class BudgetStack(cdk.Stack):
    """Counts what carries the stage's tag; AWS does so once the tag is activated.

    A day after the first deploy a person types the output `ActivateTags`, in the account
    that pays. Until then budget and forecast are of nothing.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        config: StageConfig,
        names: Names,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, id_, **kwargs)
        topic = self._topic()
        told = [("EMAIL", email) for email in config.budget_emails]
        told.append(("SNS", topic.topic_arn))
        data = budgets.CfnBudget.BudgetDataProperty(
            budget_name=names.budget,
            budget_type="COST",
            time_unit="MONTHLY",
            budget_limit=budgets.CfnBudget.SpendProperty(
                amount=config.monthly_budget_dollars, unit="USD"
            ),
            cost_filters={"TagKeyValue": [f"user:{STAGE_TAG}${config.name}"]},
        )
        notifications = [_told(kind, percent, told) for kind, percent in THRESHOLDS]
        budgets.CfnBudget(
            self,
            "Budget",
            budget=data,
            notifications_with_subscribers=notifications,
        )
        if config.cost_anomaly_dollars is not None:
            self._anomalies(config, names.budget, config.cost_anomaly_dollars)
        cdk.CfnOutput(self, "Topic", value=topic.topic_arn)
        cdk.CfnOutput(self, "ActivateTags", value=_activate())

    def _topic(self) -> sns.Topic:
        """Where a team wires its chat; the addresses are told by AWS Budgets itself."""
        topic = sns.Topic(self, "Told", enforce_ssl=True)
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("budgets.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            )
        )
        return topic

    def _anomalies(self, config: StageConfig, name: str, dollars: float) -> None:
        """A monitor of the stage's own: an account may have but one of all services."""
        monitor = ce.CfnAnomalyMonitor(
            self,
            "Unusual",
            monitor_name=name,
            monitor_type="CUSTOM",
            monitor_specification=json.dumps(
                {"Tags": {"Key": STAGE_TAG, "Values": [config.name]}}
            ),
        )
        ce.CfnAnomalySubscription(
            self,
            "UnusualTold",
            subscription_name=name,
            frequency="DAILY",  # the only one but WEEKLY that addresses can have
            monitor_arn_list=[monitor.attr_monitor_arn],
            subscribers=[
                ce.CfnAnomalySubscription.SubscriberProperty(
                    type="EMAIL", address=email
                )
                for email in config.budget_emails
            ],
            threshold_expression=json.dumps(
                {
                    "Dimensions": {
                        "Key": "ANOMALY_TOTAL_IMPACT_ABSOLUTE",
                        "MatchOptions": ["GREATER_THAN_OR_EQUAL"],
                        "Values": [f"{dollars:g}"],
                    }
                }
            ),
        )


def _told(
    kind: str, percent: int, subscribers: list[tuple[str, str]]
) -> budgets.CfnBudget.NotificationWithSubscribersProperty:
    return budgets.CfnBudget.NotificationWithSubscribersProperty(
        notification=budgets.CfnBudget.NotificationProperty(
            notification_type=kind,
            comparison_operator="GREATER_THAN",
            threshold=percent,
            threshold_type="PERCENTAGE",
        ),
        subscribers=[
            budgets.CfnBudget.SubscriberProperty(subscription_type=how, address=whom)
            for how, whom in subscribers
        ],
    )


def _activate() -> str:
    """Return what makes AWS count by our tags; CloudFormation has no resource for it."""
    keys = " ".join(f"TagKey={key},Status=Active" for key in COST_TAGS)
    command = "aws ce update-cost-allocation-tags-status --cost-allocation-tags-status"
    return f"{command} {keys}"
