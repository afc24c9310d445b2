"""What deploys: every stage in its order, and no step with more rights than its own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from stacks.config import deployment
from stacks.pipeline import PipelineStack
from stacks.settings.delivery import Promotion
from stacks.settings.deployment import Deployment
from tests.stacks.conftest import DEMO, PROD, SHOWN, of_type, only, template
from tests.stacks.test_build import PIPELINE, project, rights


@pytest.fixture(scope="session")
def shown(assembly: Path) -> dict[str, Any]:
    return template(assembly, "delivery-pipeline")


def synth(what: Deployment) -> dict[str, Any]:
    app = cdk.App(analytics_reporting=False)
    env = cdk.Environment(region="us-east-1")
    PipelineStack(app, "p", deployment=what, stack_name="delivery-pipeline", env=env)
    found: dict[str, Any] = app.synth().get_stack_by_name("delivery-pipeline").template
    return found


def of_stage(found: dict[str, Any], stage: str) -> dict[str, Any]:
    """The pipeline cut down to one stage, so that an action's name finds one."""
    line = only(found, PIPELINE)
    stages = [each for each in line["Stages"] if each["Name"] == stage]
    resources = {
        key: value
        if value["Type"] != PIPELINE
        else {"Type": PIPELINE, "Properties": {**line, "Stages": stages}}
        for key, value in found["Resources"].items()
    }
    return {"Resources": resources}


def actions(found: dict[str, Any]) -> dict[str, list[str]]:
    """Names of actions by stage, in the order in which they run."""
    return {
        stage["Name"]: [
            each["Name"]
            for each in sorted(stage["Actions"], key=lambda each: each["RunOrder"])
        ]
        for stage in only(found, PIPELINE)["Stages"]
    }


def test_each_stage_is_planned_approved_deployed_and_asked_in_its_order(
    shown: dict[str, Any],
) -> None:
    found = actions(shown)
    assert list(found) == ["Source", "Check", "delivery", "dev", "prod"]
    assert found["delivery"] == ["Plan", "Deploy"]
    assert found["dev"] == ["Plan", "Deploy", "Smoke"]
    assert found["prod"] == ["Plan", "Approve", "Deploy", "Smoke"]


def test_who_approves_reads_the_plan_and_its_link(shown: dict[str, Any]) -> None:
    (stage,) = (s for s in only(shown, PIPELINE)["Stages"] if s["Name"] == "prod")
    steps = {action["Name"]: action for action in stage["Actions"]}
    space = steps["Plan"]["Namespace"]
    asked = steps["Approve"]["Configuration"]
    assert asked["CustomData"] == f"#{{{space}.SUMMARY}}"
    assert asked["ExternalEntityLink"] == f"#{{{space}.LINK}}"


def test_what_was_planned_is_what_is_deployed(shown: dict[str, Any]) -> None:
    for stage in only(shown, PIPELINE)["Stages"][2:]:
        steps = {action["Name"]: action for action in stage["Actions"]}
        planned = steps["Plan"]["OutputArtifacts"]
        assert steps["Deploy"]["InputArtifacts"] == planned


def test_a_deploy_may_take_on_bootstrap_roles_of_its_account_and_nothing_else(
    shown: dict[str, Any],
) -> None:
    for stage in ("delivery", "dev", "prod"):
        allowed = rights(of_stage(shown, stage), "Deploy")
        roles = {each.split("cdk-hnb659fds-")[1] for each in allowed["sts:AssumeRole"]}
        assert {each.split("-role-")[0] for each in roles} == {
            "deploy",
            "file-publishing",
            "lookup",
        }
        others = {a for a in allowed if not a.startswith(("logs:", "s3:"))}
        assert others == {"sts:AssumeRole"}


def test_no_step_has_a_right_on_everything(shown: dict[str, Any]) -> None:
    for policy in of_type(shown, "AWS::IAM::Policy"):
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Resource"] != "*"
            assert "*" not in statement["Action"]


def test_a_plan_reads_the_templates_of_its_stage_only(shown: dict[str, Any]) -> None:
    allowed = rights(of_stage(shown, "prod"), "Plan")
    (stacks,) = allowed["cloudformation:GetTemplate"]
    assert "stack/prod-*/*" in stacks
    assert "sts:AssumeRole" not in allowed


def test_a_smoke_test_calls_the_check_functions_of_its_stage_only(
    shown: dict[str, Any],
) -> None:
    allowed = rights(of_stage(shown, "dev"), "Smoke")["lambda:InvokeFunction"]
    (function,) = allowed
    assert "function:dev-endpoint-support-sentiment-check" in function


def test_a_release_without_a_commit_is_taken_where_the_stage_says_so() -> None:
    """demo's plan puts the newest release in before it synthesizes; prod's does not."""
    promotions = (Promotion("prod", approval=True), Promotion("demo", approval=False))
    found = synth(
        replace(SHOWN, delivery=replace(SHOWN.delivery, promotions=promotions))
    )
    assert list(actions(found)) == ["Source", "Check", "delivery", "prod", "demo"]
    for stage, auto in (("prod", "no"), ("demo", "yes")):
        plan = project(of_stage(found, stage), "Plan")
        variables = plan["Environment"]["EnvironmentVariables"]
        given = {each["Name"]: each["Value"] for each in variables}
        assert given["AUTO_RELEASE"] == auto
        allowed = rights(of_stage(found, stage), "Plan")
        assert ("ecr:DescribeImages" in allowed) == (auto == "yes")
    assert DEMO.auto_release


def test_an_internet_endpoint_is_not_asked_for_its_sample() -> None:
    """Nothing in the VPC may call it; the one that is internal is asked."""
    promotions = (Promotion("demo", approval=False),)
    found = synth(
        replace(SHOWN, delivery=replace(SHOWN.delivery, promotions=promotions))
    )
    smoke = project(of_stage(found, "demo"), "Smoke")
    given = {
        e["Name"]: e["Value"] for e in smoke["Environment"]["EnvironmentVariables"]
    }
    assert given["FUNCTIONS"] == "demo-endpoint-gpu-check"


def test_a_stage_of_another_account_is_read_and_deployed_by_its_roles() -> None:
    away = replace(PROD, account="210987654321")
    what = replace(SHOWN, stages=(SHOWN.stages[0], away, DEMO))
    found = of_stage(synth(what), "prod")
    for step in ("Plan", "Deploy"):
        for role in rights(found, step)["sts:AssumeRole"]:
            assert "iam::210987654321:role/cdk-hnb659fds-" in role
    assert "cloudformation:GetTemplate" not in rights(found, "Plan")


def test_only_a_push_to_the_branch_deploys(shown: dict[str, Any]) -> None:
    (trigger,) = only(shown, PIPELINE)["Triggers"]
    assert trigger["GitConfiguration"].keys() == {"Push", "SourceActionName"}
    (push,) = trigger["GitConfiguration"]["Push"]
    assert push == {"Branches": {"Includes": ["main"]}}


def test_the_history_comes_along_for_releases_that_stay_behind(
    shown: dict[str, Any],
) -> None:
    source = only(shown, PIPELINE)["Stages"][0]["Actions"][0]["Configuration"]
    assert source["OutputArtifactFormat"] == "CODEBUILD_CLONE_REF"
    for stage, step in (("Check", "Check"), ("dev", "Plan"), ("dev", "Smoke")):
        allowed = rights(of_stage(shown, stage), step)
        assert "codeconnections:UseConnection" in allowed, step


def test_what_branches_build_cannot_touch_what_is_deployed(
    assembly: Path, shown: dict[str, Any]
) -> None:
    built = json.dumps(template(assembly, "delivery-build")["Resources"])
    assert "lathe-builds-" in built
    assert "lathe-deploys-" not in built
    assert "lathe-builds-" not in json.dumps(shown["Resources"])


def test_an_archive_deploys_in_an_account_without_a_connection() -> None:
    found = synth(deployment())
    assert only(found, "AWS::Events::Rule")["Targets"]
    assert "Triggers" not in only(found, PIPELINE)
    assert "lathe-deploy" in json.dumps(found["Outputs"])
