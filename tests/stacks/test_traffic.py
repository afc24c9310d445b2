"""What the metrics of an endpoint come to, worked out from counts of a minute.

CloudWatch's own arithmetic, in the few functions that are used of it: a target group
without requests reports nothing, which is None here.
"""

from __future__ import annotations

import re
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2

from stacks.traffic import Traffic


class Missing(float):
    """No data: what is worked out of it is no data either, unless it is filled."""

    def __new__(cls) -> Missing:
        return super().__new__(cls, "nan")


def fill(value: float, instead: float) -> float:
    return instead if value != value else value


def largest(values: list[float]) -> float:
    there = [value for value in values if value == value]
    return max(there) if there else Missing()


def worked_out(metric: cloudwatch.IMetric, **given: float) -> float:
    """Evaluate a metric's expression; a name that is not given reported nothing."""
    expression = metric.to_metric_config().math_expression
    assert expression is not None
    names = {name: given.get(name, Missing()) for name in expression.using_metrics}
    assert given.keys() <= names.keys()
    assert set(re.findall(r"\b[a-z]\w*", expression.expression)) == set(names)
    try:
        return float(
            eval(expression.expression, {"FILL": fill, "MAX": largest, **names})
        )
    except ZeroDivisionError:
        return Missing()


@pytest.fixture(scope="module")
def groups() -> tuple[Any, list[Any]]:
    stack = cdk.Stack(cdk.App(), "traffic")
    vpc = ec2.Vpc.from_vpc_attributes(
        stack,
        "Vpc",
        vpc_id="vpc-0",
        availability_zones=["a", "b"],
        public_subnet_ids=["s", "t"],
    )
    door = elbv2.ApplicationLoadBalancer(stack, "Door", vpc=vpc, internet_facing=True)
    targets = [
        elbv2.ApplicationTargetGroup(stack, name, vpc=vpc, port=8080)
        for name in ("Blue", "Green")
    ]
    for port, target in zip((80, 8080), targets, strict=True):
        door.add_listener(f"On{port}", port=port, default_target_groups=[target])
    return door, targets


@pytest.fixture(scope="module")
def one(groups: tuple[Any, list[Any]]) -> Traffic:
    return Traffic(groups[0], groups[1][:1])


@pytest.fixture(scope="module")
def two(groups: tuple[Any, list[Any]]) -> Traffic:
    return Traffic(*groups)


def test_a_bad_revision_does_not_hide_behind_the_good_one(two: Traffic) -> None:
    """A tenth of the requests, a twentieth of them answered 5xx: 0.5 % of all."""
    failing = worked_out(
        two.failing_percent(), answered0=900, failed0=0, answered1=100, failed1=5
    )
    assert failing == 5
    slowest = worked_out(two.milliseconds("p99"), p99of0=0.02, p99of1=0.3)
    assert slowest == 300


def test_an_idle_target_group_counts_for_nothing(two: Traffic) -> None:
    assert worked_out(two.failing_percent(), answered0=200, failed0=2) == 1
    assert worked_out(two.milliseconds("p99"), p99of1=0.25) == 250
    assert worked_out(two.healthy_tasks(), healthy1=3) == 3
    assert worked_out(two.requests(), answered0=7) == 7


def test_requests_that_no_task_was_there_for_are_failing(
    one: Traffic, two: Traffic
) -> None:
    for traffic in (one, two):
        assert worked_out(traffic.failing_percent(), unanswered=10) == 100
        half = worked_out(traffic.failing_percent(), answered0=10, unanswered=10)
        assert half == 50


def test_a_minute_without_requests_is_no_failure(one: Traffic, two: Traffic) -> None:
    for traffic in (one, two):
        nothing = worked_out(traffic.failing_percent())
        assert nothing != nothing


def test_refusals_are_those_of_tasks_and_of_the_load_balancer(one: Traffic) -> None:
    refused = worked_out(
        one.refused_percent(), answered0=90, refused0=10, unconnected=10
    )
    assert refused == 20


def test_in_flight_is_arrivals_a_second_times_the_seconds_each_stays(
    two: Traffic,
) -> None:
    flying = worked_out(
        two.in_flight(), answered0=6000, seconds0=0.02, answered1=600, seconds1=0.5
    )
    assert flying == pytest.approx(100 * 0.02 + 10 * 0.5)


def test_each_group_is_asked_for_its_own_and_the_balancer_for_what_no_group_has(
    two: Traffic,
) -> None:
    expression = two.failing_percent().to_metric_config().math_expression
    assert expression is not None
    asked = {
        name: {d.name for d in (metric.to_metric_config().metric_stat.dimensions or [])}  # type: ignore[union-attr]
        for name, metric in expression.using_metrics.items()
    }
    of_group = {"LoadBalancer", "TargetGroup"}
    assert asked == {
        "failed0": of_group,
        "failed1": of_group,
        "answered0": of_group,
        "answered1": of_group,
        "unanswered": {"LoadBalancer"},
    }
