"""What wakes somebody about a running model."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stacks.conftest import DEV, of_type, only

ENDPOINT = DEV.endpoints[0]


@pytest.fixture(scope="session")
def alarms(endpoint: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        alarm["AlarmName"].rpartition("-")[2]: alarm
        for alarm in of_type(endpoint, "AWS::CloudWatch::Alarm")
    }


def test_wakes_somebody_when_slow_failing_or_absent(
    endpoint: dict[str, Any], alarms: dict[str, dict[str, Any]]
) -> None:
    assert alarms.keys() == {"slow", "failing", "absent"}
    (topic,) = (
        id_
        for id_, resource in endpoint["Resources"].items()
        if resource["Type"] == "AWS::SNS::Topic"
    )
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": topic}]


def test_alarms_are_let_through_to_the_topic(endpoint: dict[str, Any]) -> None:
    policy = only(endpoint, "AWS::SNS::TopicPolicy")["PolicyDocument"]
    assert {"Service": "cloudwatch.amazonaws.com"} in [
        s["Principal"] for s in policy["Statement"] if s["Effect"] == "Allow"
    ]


def test_slow_is_the_objective_in_the_unit_of_the_metric(
    alarms: dict[str, dict[str, Any]],
) -> None:
    assert alarms["slow"]["ExtendedStatistic"] == "p99"
    assert alarms["slow"]["Threshold"] == ENDPOINT.watch.latency_slo_ms / 1000


def test_failing_is_a_share_that_counts_requests_no_task_was_there_for(
    alarms: dict[str, dict[str, Any]],
) -> None:
    counted = {
        query["MetricStat"]["Metric"]["MetricName"]
        for query in alarms["failing"]["Metrics"]
        if "MetricStat" in query
    }
    assert counted == {
        "HTTPCode_Target_5XX_Count",
        "HTTPCode_ELB_5XX_Count",
        "RequestCount",
    }
    assert alarms["failing"]["Threshold"] == ENDPOINT.watch.failing_percent


def test_a_service_without_a_metric_is_absent(
    alarms: dict[str, dict[str, Any]],
) -> None:
    absent = alarms["absent"]
    assert absent["TreatMissingData"] == "breaching"
    assert (absent["Statistic"], absent["Threshold"]) == ("Maximum", 1)
