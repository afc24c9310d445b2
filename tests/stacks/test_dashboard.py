"""What an endpoint's page shows, read from the body that CloudWatch is given."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from costs.hourly import fargate_dollars
from stacks.endpoint import EndpointStack
from stacks.names import Names
from stacks.settings.stage import StageConfig
from tests.conftest import ManifestFactory
from tests.stacks.conftest import (
    DEMO,
    DEV,
    SHOWN,
    of_type,
    only,
    template,
)

Widgets = list[dict[str, Any]]


def widgets(found: dict[str, Any]) -> Widgets:
    """The page's widgets; what is known only when it is deployed is its JSON."""
    body = only(found, "AWS::CloudWatch::Dashboard")["DashboardBody"]
    if isinstance(body, dict):
        parts = body["Fn::Join"][1]
        body = "".join(
            part if isinstance(part, str) else json.dumps(part).replace('"', "'")
            for part in parts
        )
    found_widgets: Widgets = json.loads(body)["widgets"]
    return found_widgets


def metrics(found: Widgets) -> set[tuple[str, str]]:
    """Namespace and name of every metric that is read."""
    return {
        (line[0], line[1])
        for widget in found
        for line in widget["properties"].get("metrics", [])
        if isinstance(line[0], str)
    }


def titled(found: Widgets, title: str) -> dict[str, Any]:
    (properties,) = (
        widget["properties"]
        for widget in found
        if title in widget["properties"].get("title", "")
    )
    return dict(properties)


def alone(stage: StageConfig, make_manifest: ManifestFactory) -> dict[str, Any]:
    """The template of a stage's only endpoint, with no other stage beside it."""
    (config,) = stage.endpoints
    endpoint = EndpointStack(
        cdk.App(analytics_reporting=False),
        "alone",
        delivery=SHOWN.delivery,
        stage=stage,
        config=config,
        names=Names(stage.name),
        release=make_manifest(),
        env=cdk.Environment(region=stage.region),
    )
    return dict(Template.from_stack(endpoint).to_json())


@pytest.fixture(scope="module")
def page(assembly: Path) -> Widgets:
    return widgets(template(assembly, "demo-endpoint-internet"))


@pytest.fixture(scope="module")
def gpu_page(assembly: Path) -> Widgets:
    return widgets(template(assembly, "demo-endpoint-gpu"))


def test_a_page_is_named_as_its_stack_and_only_where_it_is_asked_for(
    assembly: Path,
) -> None:
    for endpoint in DEMO.endpoints:
        stack = f"demo-endpoint-{endpoint.name}"
        found = only(template(assembly, stack), "AWS::CloudWatch::Dashboard")
        assert found["DashboardName"] == stack
    assert not DEV.endpoints[0].watch.dashboard
    dev = template(assembly, "dev-endpoint-support-sentiment")
    assert not of_type(dev, "AWS::CloudWatch::Dashboard")


def test_it_shows_what_callers_notice_what_tasks_do_and_what_the_server_says(
    page: Widgets,
) -> None:
    assert metrics(page) >= {
        ("AWS/ApplicationELB", "RequestCount"),
        ("AWS/ApplicationELB", "TargetResponseTime"),
        ("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count"),
        ("AWS/ApplicationELB", "HTTPCode_Target_4XX_Count"),
        ("AWS/ApplicationELB", "HealthyHostCount"),
        ("AWS/ECS", "CPUUtilization"),
        ("AWS/ECS", "MemoryUtilization"),
        ("AWS/Events", "TriggeredRules"),
        ("Lathe", "BatchSize"),
        ("Lathe", "CacheHits"),
        ("Lathe", "CacheMisses"),
        ("Lathe", "Rejected"),
    }
    labels = {
        line[0]["label"]
        for line in titled(page, "Milliseconds")["metrics"]
        if isinstance(line[0], dict)
    }
    assert labels == {"p50", "p95", "p99"}


def test_the_servers_own_metrics_are_those_of_the_endpoint(page: Widgets) -> None:
    own = [
        line
        for widget in page
        for line in widget["properties"].get("metrics", [])
        if line[0] == "Lathe"
    ]
    for line in own:
        assert dict(zip(line[2:6:2], line[3:6:2], strict=True)) == {
            "stage": "demo",
            "endpoint": "internet",
        }


def test_bounds_are_drawn_where_alarms_have_them(page: Widgets) -> None:
    watch, scaling = DEMO.endpoints[0].watch, DEMO.endpoints[0].scaling
    for title, values in (
        ("Milliseconds", {watch.latency_slo_ms}),
        ("Failing and refused", {watch.failing_percent, watch.refused_percent}),
        ("Tasks", {scaling.min_tasks, scaling.max_tasks}),
        ("CPU and memory", {90}),
    ):
        graphs = [
            widget["properties"]
            for widget in page
            if widget["properties"].get("title", "").startswith(title)
            and "annotations" in widget["properties"]
        ]
        (drawn,) = graphs
        lines = drawn["annotations"]["horizontal"]
        assert {line["value"] for line in lines} == values


def test_cost_so_far_is_task_minutes_at_the_price_of_the_task(page: Widgets) -> None:
    hourly = fargate_dollars(
        DEMO.region, vcpu=1, memory_mib=2048, architecture="x86_64"
    )
    shown = titled(page, "so far")
    assert shown["setPeriodToTimeRange"] is True
    (expression,) = (
        line[0]["expression"]
        for line in shown["metrics"]
        if isinstance(line[0], dict) and "minutes" in line[0]["expression"]
    )
    assert hourly is not None
    # 50,000 requests in 90 task-minutes, which is an hour and a half of one task.
    given = {"minutes": 90.0, "requests": 50_000.0}
    assert eval(expression, {}, given) == pytest.approx(
        hourly * 1.5 / 50_000 * 1e6, rel=1e-4
    )
    samples = [line for line in shown["metrics"] if line[0] == "AWS/ECS"]
    assert [line[-1]["stat"] for line in samples] == ["SampleCount"]


def test_rollouts_are_marked_by_a_rule_that_tells_nobody(
    assembly: Path, page: Widgets
) -> None:
    rules = of_type(template(assembly, "demo-endpoint-internet"), "AWS::Events::Rule")
    (counting,) = (rule for rule in rules if "Targets" not in rule)
    drawn = [
        line
        for line in titled(page, "Requests a minute; rollouts")["metrics"]
        if line[0] == "AWS/Events"
    ]
    assert [line[3] for line in drawn] == [counting["Name"]]
    assert drawn[0][-1]["yAxis"] == "right"


def test_gpus_are_shown_where_there_are_some(page: Widgets, gpu_page: Widgets) -> None:
    wanted = {
        ("CWAgent", "nvidia_smi_utilization_gpu"),
        ("CWAgent", "nvidia_smi_memory_used"),
        ("CWAgent", "nvidia_smi_memory_total"),
    }
    assert metrics(gpu_page) >= wanted
    assert not metrics(page) & wanted
    busy = titled(gpu_page, "GPU, percent")["metrics"]
    assert busy[0][2:4] == ["pool", "lathe-demo-gpu"]


def test_managed_instances_report_the_gpus_of_each_task(
    make_manifest: ManifestFactory,
) -> None:
    pools = tuple(
        replace(pool, managed=True, min_instances=0, on_demand_base=0, spot_percent=0)
        for pool in DEMO.pools
    )
    demo = replace(DEMO, pools=pools, endpoints=DEMO.endpoints[1:2])
    page = widgets(alone(demo, make_manifest))
    assert metrics(page) >= {
        ("ECS/ContainerInsights", "TaskGPUUtilization"),
        ("ECS/ContainerInsights", "TaskGPUMemoryUtilization"),
    }


def test_a_region_without_prices_shows_no_cost(
    make_manifest: ManifestFactory,
) -> None:
    network = replace(DEMO.network, availability_zones=("eu-north-1a", "eu-north-1b"))
    demo = replace(
        DEMO,
        region="eu-north-1",
        budget_region="us-east-1",
        network=network,
        endpoints=DEMO.endpoints[:1],
    )
    page = widgets(alone(demo, make_manifest))
    assert not any("USD" in w["properties"].get("title", "") for w in page)
    assert ("AWS/ECS", "CPUUtilization") in metrics(page)


def test_what_went_wrong_is_read_from_the_log_of_the_tasks(
    assembly: Path, page: Widgets
) -> None:
    found = template(assembly, "demo-endpoint-internet")
    definition = only(found, "AWS::ECS::TaskDefinition")
    (container,) = definition["ContainerDefinitions"]
    log = container["LogConfiguration"]["Options"]["awslogs-group"]["Ref"]
    query = titled(page, "What went wrong")["query"]
    assert query.startswith(f"SOURCE '{{'Ref': '{log}'}}'")
    assert "traceback" in query


def test_no_page_is_wider_than_the_screen(page: Widgets, gpu_page: Widgets) -> None:
    for found in (page, gpu_page):
        rows: dict[int, int] = {}
        for widget in found:
            rows[widget["y"]] = rows.get(widget["y"], 0) + widget["width"]
        assert set(rows.values()) == {24}
