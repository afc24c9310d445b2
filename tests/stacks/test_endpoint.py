"""What somebody is paged or billed for about a running model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from manifest import Serving
from tests.conftest import ManifestFactory
from tests.stacks.conftest import (
    STAGES,
    of_type,
    only,
    synthesize,
    template,
    write_release,
)

DEV = STAGES[0].endpoints[0]


@pytest.fixture(scope="session")
def endpoint(assembly: Path) -> dict[str, Any]:
    return template(assembly, "dev-endpoint-support-sentiment")


@pytest.fixture(scope="session")
def container(endpoint: dict[str, Any]) -> dict[str, Any]:
    task = only(endpoint, "AWS::ECS::TaskDefinition")
    (found,) = task["ContainerDefinitions"]
    return dict(found)


def test_runs_the_image_of_its_release(container: dict[str, Any]) -> None:
    parts = container["Image"]["Fn::Join"][1]
    assert parts[-1].endswith(
        "/lathe/dev/support-sentiment:support-sentiment-3f1c9a07be24"
    )


def test_the_task_is_as_large_as_the_release_was_measured_to_need(
    endpoint: dict[str, Any],
) -> None:
    task = only(endpoint, "AWS::ECS::TaskDefinition")
    assert (task["Cpu"], task["Memory"]) == ("1024", "2048")


def test_memory_that_crosses_a_size_is_another_task(
    tmp_path: Path, make_manifest: ManifestFactory
) -> None:
    grown = make_manifest(serving=Serving(1.0, 2000, 2.0, 3.0, 4.0, 400.0, "a test"))
    write_release(tmp_path / "releases", "dev", grown)
    out = synthesize(tmp_path / "out", tmp_path / "releases", STAGES[:1])
    task = only(
        template(out, "dev-endpoint-support-sentiment"), "AWS::ECS::TaskDefinition"
    )
    assert (task["Cpu"], task["Memory"]) == ("1024", "3072")


def test_the_container_cannot_write_or_be_root_or_do_what_root_does(
    container: dict[str, Any],
) -> None:
    assert container["ReadonlyRootFilesystem"] is True
    assert container["User"] == "10001:10001"
    assert container["LinuxParameters"]["Capabilities"]["Drop"] == ["ALL"]
    assert not container.get("Privileged")
    (writable,) = container["LinuxParameters"]["Tmpfs"]
    assert writable["ContainerPath"] == "/tmp"
    assert not container.get("MountPoints")  # Fargate mounts volumes for root only


def test_the_load_balancer_reaches_the_container_it_names(
    endpoint: dict[str, Any], container: dict[str, Any]
) -> None:
    (target,) = only(endpoint, "AWS::ECS::Service")["LoadBalancers"]
    assert target["ContainerName"] == container["Name"]
    ports = [mapping["ContainerPort"] for mapping in container["PortMappings"]]
    assert ports == [target["ContainerPort"]]
    group = only(endpoint, "AWS::ElasticLoadBalancingV2::TargetGroup")
    assert (group["Port"], group["TargetType"]) == (ports[0], "ip")
    assert group["HealthCheckPath"] == "/v2/health/ready"


def test_a_deployment_that_fails_or_alarms_is_rolled_back(
    endpoint: dict[str, Any],
) -> None:
    deployment = only(endpoint, "AWS::ECS::Service")["DeploymentConfiguration"]
    assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    assert deployment["Alarms"]["Enable"] is True
    assert deployment["Alarms"]["Rollback"] is True
    alarms = {a["AlarmName"] for a in of_type(endpoint, "AWS::CloudWatch::Alarm")}
    assert set(deployment["Alarms"]["AlarmNames"]) <= alarms
    assert deployment["MinimumHealthyPercent"] == 100


def test_the_number_of_tasks_is_the_scaler_s(endpoint: dict[str, Any]) -> None:
    """A DesiredCount would shrink a busy service to it at every deploy."""
    assert "DesiredCount" not in only(endpoint, "AWS::ECS::Service")
    target = only(endpoint, "AWS::ApplicationAutoScaling::ScalableTarget")
    assert (target["MinCapacity"], target["MaxCapacity"]) == (
        DEV.min_tasks,
        DEV.max_tasks,
    )
    policies = of_type(endpoint, "AWS::ApplicationAutoScaling::ScalingPolicy")
    goals = {
        p["TargetTrackingScalingPolicyConfiguration"]["PredefinedMetricSpecification"][
            "PredefinedMetricType"
        ]: p["TargetTrackingScalingPolicyConfiguration"]["TargetValue"]
        for p in policies
    }
    assert goals == {
        "ALBRequestCountPerTarget": 400 * 60 * DEV.load_percent // 100,
        "ECSServiceAverageCPUUtilization": DEV.cpu_percent,
    }


def test_only_configured_callers_get_in(endpoint: dict[str, Any]) -> None:
    groups = of_type(endpoint, "AWS::EC2::SecurityGroup")
    inbound = [
        rule for group in groups for rule in group.get("SecurityGroupIngress", [])
    ]
    assert [(r["CidrIp"], r["FromPort"], r["ToPort"]) for r in inbound] == [
        (block, 80, 80) for block in DEV.callers
    ]
    (into_tasks,) = of_type(endpoint, "AWS::EC2::SecurityGroupIngress")
    assert into_tasks["FromPort"] == into_tasks["ToPort"] == 8080
    assert "SourceSecurityGroupId" in into_tasks
    balancer = only(endpoint, "AWS::ElasticLoadBalancingV2::LoadBalancer")
    assert balancer["Scheme"] == "internal"


def test_tasks_may_call_out_by_https_only(endpoint: dict[str, Any]) -> None:
    groups = of_type(endpoint, "AWS::EC2::SecurityGroup")
    (tasks,) = (g for g in groups if g["GroupDescription"] == "Tasks")
    (out,) = tasks["SecurityGroupEgress"]
    assert (out["IpProtocol"], out["FromPort"], out["ToPort"]) == ("tcp", 443, 443)


def test_an_endpoint_on_the_internet_speaks_tls_to_the_callers_it_names(
    tmp_path: Path, make_manifest: ManifestFactory
) -> None:
    certificate = "arn:aws:acm:us-east-1:123456789012:certificate/0"
    public = replace(
        DEV, internal=False, certificate_arn=certificate, callers=("192.0.2.0/24",)
    )
    write_release(tmp_path / "releases", "dev", make_manifest())
    stage = replace(STAGES[0], endpoints=(public,))
    out = synthesize(tmp_path / "out", tmp_path / "releases", (stage,))
    endpoint = template(out, "dev-endpoint-support-sentiment")
    listener = only(endpoint, "AWS::ElasticLoadBalancingV2::Listener")
    assert (listener["Protocol"], listener["Port"]) == ("HTTPS", 443)
    assert listener["Certificates"] == [{"CertificateArn": certificate}]
    inbound = [
        rule["CidrIp"]
        for group in of_type(endpoint, "AWS::EC2::SecurityGroup")
        for rule in group.get("SecurityGroupIngress", [])
    ]
    assert inbound == ["192.0.2.0/24"]


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
    assert alarms["slow"]["Threshold"] == DEV.latency_slo_ms / 1000


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
    assert alarms["failing"]["Threshold"] == DEV.failing_percent


def test_a_service_without_a_metric_is_absent(
    alarms: dict[str, dict[str, Any]],
) -> None:
    absent = alarms["absent"]
    assert absent["TreatMissingData"] == "breaching"
    assert (absent["Statistic"], absent["Threshold"]) == ("Maximum", 1)


def test_a_task_may_pull_its_image_and_write_its_log_and_nothing_else(
    endpoint: dict[str, Any],
) -> None:
    actions = {
        action
        for policy in of_type(endpoint, "AWS::IAM::Policy")
        for statement in policy["PolicyDocument"]["Statement"]
        for action in (
            [statement["Action"]]
            if isinstance(statement["Action"], str)
            else statement["Action"]
        )
    }
    assert actions == {
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetAuthorizationToken",
        "ecr:GetDownloadUrlForLayer",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    }
