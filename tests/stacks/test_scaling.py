"""When tasks are added: measures that hold while requests shift."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stacks.conftest import DEMO, DEV, PROD, named, of_type, only

TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"
GROUPS = "AWS::ElasticLoadBalancingV2::TargetGroup"

Found = dict[str, Any]


def tracked(found: Found, name: str) -> dict[str, Any]:
    """The configuration of the one policy whose name ends so."""
    (policy,) = (
        each["TargetTrackingScalingPolicyConfiguration"]
        for each in of_type(found, POLICY)
        if each["PolicyName"].endswith(name)
    )
    return dict(policy)


def value(configuration: dict[str, Any], data: dict[tuple[int, str], float]) -> float:
    """What CloudWatch computes of what each target group reports, by number and metric."""
    queries = configuration["CustomizedMetricSpecification"]["Metrics"]
    (result,) = (each for each in queries if each["ReturnData"])
    groups: list[str] = []
    known: dict[str, float | None] = {}
    for query in queries:
        if query is result:
            continue
        metric = query["MetricStat"]["Metric"]
        (group,) = (
            each["Value"]["Fn::GetAtt"][0]
            for each in metric["Dimensions"]
            if each["Name"] == "TargetGroup"
        )
        if group not in groups:
            groups.append(group)
        known[query["Id"]] = data.get((groups.index(group), metric["MetricName"]))

    def fill(found: float | None, instead: float) -> float:
        return instead if found is None else found

    names = {**known, "FILL": fill, "__builtins__": {}}
    computed: float = eval(result["Expression"], names)
    return computed


def test_tasks_are_added_at_a_share_of_what_the_release_was_measured_to_sustain(
    endpoint: Found,
) -> None:
    percent = DEV.endpoints[0].scaling.load_percent
    assert tracked(endpoint, "-requests")["TargetValue"] == 400 * 60 * percent // 100


def test_every_target_group_is_counted(
    endpoint: Found, internet: Found, gpu: Found, variants: dict[str, Found]
) -> None:
    for found, count in (
        (endpoint, 1),
        (internet, 2),
        (gpu, 2),
        (variants["canary"], 2),
    ):
        metrics = tracked(found, "-requests")["CustomizedMetricSpecification"][
            "Metrics"
        ]
        counted = {
            dimension["Value"]["Fn::GetAtt"][0]
            for each in metrics
            if "MetricStat" in each
            for dimension in each["MetricStat"]["Metric"]["Dimensions"]
            if dimension["Name"] == "TargetGroup"
        }
        assert counted == set(named(found, GROUPS))
        assert len(counted) == count


@given(
    st.floats(0, 1),
    st.integers(1, 50),
    st.floats(0, 1e6),
    st.floats(0.001, 5),
    st.floats(0.001, 5),
)
def test_a_shift_looks_like_no_shift_to_scaling(
    variants: dict[str, Found],
    share: float,
    tasks: int,
    a_minute: float,
    blue_s: float,
    green_s: float,
) -> None:
    """Both revisions have as many tasks, and each gets its share of requests."""
    blue, green = a_minute * (1 - share) / tasks, a_minute * share / tasks
    data = {
        (0, "RequestCountPerTarget"): blue,
        (1, "RequestCountPerTarget"): green,
        (0, "TargetResponseTime"): blue_s,
        (1, "TargetResponseTime"): green_s,
    }
    requests = tracked(variants["canary"], "-requests")
    assert value(requests, data) == pytest.approx(a_minute / tasks)
    # Little: at work on average = arrivals a second times seconds each, of both.
    at_work = (blue * blue_s + green * green_s) / 60
    assert value(tracked(variants["canary"], "-inflight"), data) == pytest.approx(
        at_work
    )


def test_a_group_that_reports_nothing_counts_as_nothing(
    variants: dict[str, Found],
) -> None:
    """Green has no tasks but while requests shift."""
    data = {(0, "RequestCountPerTarget"): 1200.0, (0, "TargetResponseTime"): 0.1}
    canary = variants["canary"]
    assert value(tracked(canary, "-requests"), data) == 1200
    assert value(tracked(canary, "-inflight"), data) == pytest.approx(2)
    assert value(tracked(canary, "-requests"), {}) == 0


def test_tasks_in_flight_and_cpu_are_tracked_where_asked_for(
    endpoint: Found, internet: Found, variants: dict[str, Found]
) -> None:
    assert tracked(variants["canary"], "-inflight")["TargetValue"] == 3
    (asked,) = (each.scaling for each in DEMO.endpoints if each.name == "internet")
    assert tracked(internet, "-inflight")["TargetValue"] == asked.in_flight
    (cpu,) = (
        each["TargetTrackingScalingPolicyConfiguration"]
        for each in of_type(endpoint, POLICY)
        if "PredefinedMetricSpecification"
        in each["TargetTrackingScalingPolicyConfiguration"]
    )
    assert cpu["PredefinedMetricSpecification"]["PredefinedMetricType"] == (
        "ECSServiceAverageCPUUtilization"
    )
    assert cpu["TargetValue"] == DEV.endpoints[0].scaling.cpu_percent


def test_tasks_are_taken_away_more_slowly_than_added(
    endpoint: Found, internet: Found
) -> None:
    for found in (endpoint, internet):
        for policy in of_type(found, POLICY):
            told = policy["TargetTrackingScalingPolicyConfiguration"]
            assert told["ScaleOutCooldown"] < told["ScaleInCooldown"]
            assert not told.get("DisableScaleIn")


def test_bounds_change_when_the_schedule_says(internet: Found) -> None:
    (config,) = (each.scaling for each in DEMO.endpoints if each.name == "internet")
    told = only(internet, TARGET)
    assert (told["MinCapacity"], told["MaxCapacity"]) == (1, 4)
    assert [
        (
            each["Schedule"],
            each["Timezone"],
            each["ScalableTargetAction"]["MinCapacity"],
            each["ScalableTargetAction"]["MaxCapacity"],
        )
        for each in told["ScheduledActions"]
    ] == [
        (f"cron({each.cron})", each.time_zone, each.min_tasks, each.max_tasks)
        for each in config.schedule
    ]


def test_one_task_at_least_always_runs(
    endpoint: Found, internet: Found, gpu: Found, variants: dict[str, Found]
) -> None:
    for found in (endpoint, internet, gpu, *variants.values()):
        told = only(found, TARGET)
        bounds = [
            told,
            *(a["ScalableTargetAction"] for a in told.get("ScheduledActions", [])),
        ]
        assert all(1 <= each["MinCapacity"] <= each["MaxCapacity"] for each in bounds)
    assert only(variants["canary"], TARGET)["MinCapacity"] == (
        PROD.endpoints[0].scaling.min_tasks
    )


def test_the_role_is_the_one_that_aws_makes(endpoint: Found) -> None:
    (service,) = named(endpoint, "AWS::ECS::Service")
    told = only(endpoint, TARGET)
    assert told["ResourceId"]["Fn::Join"][1][-1] == {"Fn::GetAtt": [service, "Name"]}
    assert told["RoleARN"]["Fn::Join"][1][-1].endswith(
        ":role/aws-service-role/ecs.application-autoscaling.amazonaws.com"
        "/AWSServiceRoleForApplicationAutoScaling_ECSService"
    )
