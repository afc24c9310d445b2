"""Who is told what a stage costs, before the month is over."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cfnlint.helpers import REGIONS
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER, ResourceNotFoundError

from stacks.settings.checked import ConfigError
from stacks.settings.stage import NO_BUDGETS
from tests.stacks.conftest import DEMO, DEV, STAGES, of_type, only, template

PROMISED = [("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100)]


@pytest.fixture(scope="session")
def shown(assembly: Path) -> dict[str, Any]:
    """The budget stack of the stage that shows every option."""
    return template(assembly, "demo-budget")


def test_each_stage_has_its_own_limit_on_what_carries_its_tag(assembly: Path) -> None:
    for stage in STAGES:
        budget = only(
            template(assembly, f"{stage.name}-budget"), "AWS::Budgets::Budget"
        )
        data = budget["Budget"]
        assert data["BudgetLimit"] == {
            "Amount": stage.monthly_budget_dollars,
            "Unit": "USD",
        }
        assert data["CostFilters"] == {"TagKeyValue": [f"user:stage${stage.name}"]}
        assert {"Key": "stage", "Value": stage.name} in budget["ResourceTags"]


def test_people_and_a_topic_are_told_of_spending_and_of_the_forecast(
    shown: dict[str, Any],
) -> None:
    told = only(shown, "AWS::Budgets::Budget")["NotificationsWithSubscribers"]
    asked = [each["Notification"] for each in told]
    assert [(n["NotificationType"], n["Threshold"]) for n in asked] == PROMISED
    (topic,) = (
        id_ for id_, r in shown["Resources"].items() if r["Type"] == "AWS::SNS::Topic"
    )
    for each in told:
        assert each["Subscribers"] == [
            *(
                {"SubscriptionType": "EMAIL", "Address": email}
                for email in DEMO.budget_emails
            ),
            {"SubscriptionType": "SNS", "Address": {"Ref": topic}},
        ]


def test_budgets_of_this_account_alone_may_publish(shown: dict[str, Any]) -> None:
    policy = only(shown, "AWS::SNS::TopicPolicy")["PolicyDocument"]
    (allowed,) = (s for s in policy["Statement"] if s["Effect"] == "Allow")
    assert allowed["Principal"] == {"Service": "budgets.amazonaws.com"}
    assert allowed["Action"] == "sns:Publish"
    assert allowed["Condition"] == {
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    }


def test_unusual_costs_are_looked_for_in_the_stage_alone_and_only_where_asked(
    assembly: Path, shown: dict[str, Any]
) -> None:
    monitor = only(shown, "AWS::CE::AnomalyMonitor")
    assert json.loads(monitor["MonitorSpecification"]) == {
        "Tags": {"Key": "stage", "Values": ["demo"]}
    }
    told = only(shown, "AWS::CE::AnomalySubscription")
    assert [s["Address"] for s in told["Subscribers"]] == list(DEMO.budget_emails)
    bound = json.loads(told["ThresholdExpression"])["Dimensions"]
    assert bound["Values"] == [f"{DEMO.cost_anomaly_dollars:g}"]
    assert not of_type(template(assembly, "dev-budget"), "AWS::CE::AnomalyMonitor")


def test_an_output_activates_every_tag_that_is_used(assembly: Path) -> None:
    for stack in ("dev-endpoint-support-sentiment", "dev-budget"):
        found = template(assembly, stack)
        used = {
            tag["Key"]
            for kind in ("AWS::ECS::Service", "AWS::SNS::Topic")
            for resource in of_type(found, kind)
            for tag in resource["Tags"]
        }
        command = template(assembly, "dev-budget")["Outputs"]["ActivateTags"]["Value"]
        for key in used:
            assert f"TagKey={key},Status=Active" in command


def test_a_budget_that_could_not_be_told_to_anybody_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"stage dev: cost_anomaly_dollars: 5 .*no b"):
        replace(DEV, cost_anomaly_dollars=5)
    many = tuple(f"{n}@example.com" for n in range(11))
    with pytest.raises(ConfigError, match=r"stage dev: budget_emails: .*10 or fewer"):
        replace(DEV, budget_emails=many)


def test_a_region_without_budgets_names_another_for_them() -> None:
    zones = ("eu-north-1a", "eu-north-1b")
    north = replace(DEV.network, availability_zones=zones)
    with pytest.raises(ConfigError, match=r"stage dev: budget_region: 'eu-north-1' is"):
        replace(DEV, region="eu-north-1", network=north)
    stage = replace(DEV, region="eu-north-1", network=north, budget_region="us-east-1")
    assert stage.billing_region == "us-east-1"


def test_the_regions_without_budgets_are_those_that_cfn_lint_knows() -> None:
    manager = PROVIDER_SCHEMA_MANAGER

    def lacks(region: str) -> bool:
        try:
            manager.get_resource_schema(region, "AWS::Budgets::Budget")
        except ResourceNotFoundError:
            return True
        return False

    assert {region for region in REGIONS if lacks(region)} == NO_BUDGETS
