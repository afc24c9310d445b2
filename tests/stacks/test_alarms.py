"""What wakes somebody about a running model, and what they are told to read."""

from __future__ import annotations

import json
from dataclasses import replace
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

from stacks.settings.checked import ConfigError
from tests.stacks.conftest import DEMO, DEV, of_type, only, template

ENDPOINT = DEV.endpoints[0]
ALWAYS = {"failing", "slow", "unhealthy", "absent", "refused", "cpu", "memory"}
ROOT = Path(__file__).parents[2]

Alarms = dict[str, dict[str, Any]]


def named(found: dict[str, Any]) -> Alarms:
    """Alarms by what comes after the name of the stack."""
    return {
        alarm["AlarmName"].rpartition("-")[2]: alarm
        for alarm in of_type(found, "AWS::CloudWatch::Alarm")
        if "AlarmName" in alarm  # scaling's own have none, and wake nobody
    }


@pytest.fixture(scope="session")
def alarms(endpoint: dict[str, Any]) -> Alarms:
    return named(endpoint)


@pytest.fixture(scope="session")
def unusual(assembly: Path) -> dict[str, Any]:
    """An endpoint that is also watched for unusual numbers of requests."""
    return template(assembly, "demo-endpoint-internet")


def topic(found: dict[str, Any]) -> str:
    (id_,) = (
        id_
        for id_, resource in found["Resources"].items()
        if resource["Type"] == "AWS::SNS::Topic"
    )
    return id_


def test_wakes_somebody_and_says_when_it_is_over(
    endpoint: dict[str, Any], alarms: Alarms
) -> None:
    assert alarms.keys() == ALWAYS
    for alarm in alarms.values():
        told = [{"Ref": topic(endpoint)}]
        assert alarm["AlarmActions"] == alarm["OKActions"] == told


def test_alarms_and_rollouts_are_let_through_to_the_topic(
    endpoint: dict[str, Any],
) -> None:
    policy = only(endpoint, "AWS::SNS::TopicPolicy")["PolicyDocument"]
    allowed = {
        statement["Principal"]["Service"]: statement
        for statement in policy["Statement"]
        if statement["Effect"] == "Allow"
    }
    assert allowed.keys() == {"cloudwatch.amazonaws.com", "events.amazonaws.com"}
    for statement in allowed.values():
        assert statement["Action"] == "sns:Publish"
        assert statement["Resource"] == {"Ref": topic(endpoint)}
    # AWS: conditions are not supported where EventBridge publishes.
    assert "Condition" not in allowed["events.amazonaws.com"]
    assert allowed["cloudwatch.amazonaws.com"]["Condition"]


def test_bounds_are_those_of_the_endpoint(alarms: Alarms) -> None:
    watch = ENDPOINT.watch
    assert {name: alarm["Threshold"] for name, alarm in alarms.items()} == {
        "failing": watch.failing_percent,
        "slow": watch.latency_slo_ms,
        "unhealthy": 0,
        "absent": 1,
        "refused": watch.refused_percent,
        "cpu": 90,
        "memory": 90,
    }
    (seconds,) = (q for q in alarms["slow"]["Metrics"] if "MetricStat" in q)
    assert seconds["MetricStat"]["Stat"] == "p99"


def test_a_service_without_a_metric_is_absent(alarms: Alarms) -> None:
    breaching = {n for n, a in alarms.items() if a["TreatMissingData"] == "breaching"}
    assert breaching == {"absent"}
    assert alarms["absent"]["ComparisonOperator"] == "LessThanThreshold"
    (healthy,) = (q for q in alarms["absent"]["Metrics"] if "MetricStat" in q)
    assert healthy["MetricStat"]["Stat"] == "Maximum"


def test_a_rollout_is_taken_back_by_alarms_that_are_there(
    endpoint: dict[str, Any],
) -> None:
    service = only(endpoint, "AWS::ECS::Service")
    there = {
        alarm["AlarmName"] for alarm in of_type(endpoint, "AWS::CloudWatch::Alarm")
    }
    configured = service["DeploymentConfiguration"]["Alarms"]
    names = {name.rpartition("-")[2] for name in configured["AlarmNames"]}
    assert names == {"failing", "slow", "unhealthy"}
    assert set(configured["AlarmNames"]) <= there


def test_a_rollout_that_failed_is_told_with_its_reason(
    endpoint: dict[str, Any],
) -> None:
    rule = next(
        rule
        for rule in of_type(endpoint, "AWS::Events::Rule")
        if rule["Name"].endswith("-rollout")
    )
    pattern = rule["EventPattern"]
    (service,) = (
        id_
        for id_, r in endpoint["Resources"].items()
        if r["Type"] == "AWS::ECS::Service"
    )
    assert pattern["detail-type"] == ["ECS Deployment State Change"]
    assert pattern["detail"] == {"eventName": ["SERVICE_DEPLOYMENT_FAILED"]}
    assert pattern["resources"] == [{"Ref": service}]
    (target,) = rule["Targets"]
    assert target["Arn"] == {"Ref": topic(endpoint)}
    transformer = target["InputTransformer"]
    assert transformer["InputPathsMap"] == {"why": "$.detail.reason"}
    told = json.loads(transformer["InputTemplate"])
    assert "<why>" in told
    assert told.endswith("docs/runbooks/rollout.md")


def test_every_alarm_has_its_runbook_and_every_runbook_its_alarm(
    unusual: dict[str, Any], queue: dict[str, Any], serverless: dict[str, Any]
) -> None:
    assert DEMO.runbooks.startswith("https://")
    prefix = f"Runbook: {DEMO.runbooks}/"
    linked = set()
    every = {**named(unusual), **named(queue), **named(serverless)}
    for name, alarm in every.items():
        _, found, link = alarm["AlarmDescription"].partition(prefix)
        assert found, alarm["AlarmDescription"]
        assert link == f"{name}.md"
        linked.add(name)
    assert "unusual" in linked
    # Rules and a budget wake people too, and none is an alarm of CloudWatch.
    there = {path.stem for path in (ROOT / "docs" / "runbooks").glob("*.md")}
    assert there == linked | {"rollout", "canary", "job", "budget"}


def test_unusual_is_outside_a_band_of_the_requests(unusual: dict[str, Any]) -> None:
    alarm = named(unusual)["unusual"]
    band = next(q for q in alarm["Metrics"] if "Expression" in q)
    assert band["Expression"].startswith("ANOMALY_DETECTION_BAND(")
    assert alarm["ThresholdMetricId"] == band["Id"]
    counted = next(q for q in alarm["Metrics"] if "MetricStat" in q)
    assert counted["MetricStat"]["Metric"]["MetricName"] == "RequestCount"
    assert counted["ReturnData"] is True


def references(value: Any) -> set[str]:
    """Logical ids that a value of a template refers to."""
    if isinstance(value, dict):
        if isinstance(value.get("Ref"), str):
            return {value["Ref"]}
        if "Fn::GetAtt" in value:
            return {value["Fn::GetAtt"][0]}
        return set().union(*(references(each) for each in value.values()))
    if isinstance(value, list):
        return set().union(*(references(each) for each in value))
    return set()


def test_no_resource_waits_for_itself(assembly: Path) -> None:
    """The service waits for alarms; those that refer to it must not be among them."""
    for path in assembly.glob("*.template.json"):
        resources = json.loads(path.read_text())["Resources"]
        waits = {}
        for id_, resource in resources.items():
            first = resource.get("DependsOn", [])
            first = {first} if isinstance(first, str) else set(first)
            waits[id_] = (first | references(resource.get("Properties", {}))) & set(
                resources
            )
        TopologicalSorter(waits).prepare()


def test_a_bound_of_refusals_is_refused_where_it_is_no_share() -> None:
    watch = replace(ENDPOINT.watch, refused_percent=101)
    with pytest.raises(ConfigError, match=r"watch.refused_percent: 101 is not between"):
        replace(DEV, endpoints=(replace(ENDPOINT, watch=watch),))
