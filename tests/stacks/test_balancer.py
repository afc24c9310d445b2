"""Who gets in to a running model, and what it may call."""

from __future__ import annotations

import json
from typing import Any

from stacks.balancer import TEST_PORT
from tests.stacks.conftest import (
    CERTIFICATE,
    DEV,
    named,
    of_type,
    only,
)

LISTENER = "AWS::ElasticLoadBalancingV2::Listener"
RULE = "AWS::ElasticLoadBalancingV2::ListenerRule"
TARGETS = "AWS::ElasticLoadBalancingV2::TargetGroup"
ENDPOINT = DEV.endpoints[0]


def test_only_configured_callers_get_in(endpoint: dict[str, Any]) -> None:
    groups = of_type(endpoint, "AWS::EC2::SecurityGroup")
    inbound = [
        rule for group in groups for rule in group.get("SecurityGroupIngress", [])
    ]
    assert [(r["CidrIp"], r["FromPort"], r["ToPort"]) for r in inbound] == [
        (block, 80, 80) for block in ENDPOINT.door.callers
    ]
    between = of_type(endpoint, "AWS::EC2::SecurityGroupIngress")
    assert all("SourceSecurityGroupId" in rule for rule in between)
    ports = [(rule["FromPort"], rule["ToPort"]) for rule in between]
    assert sorted(ports) == [(8080, 8080), (8081, 8081)]  # tasks; the check function
    balancer = only(endpoint, "AWS::ElasticLoadBalancingV2::LoadBalancer")
    assert balancer["Scheme"] == "internal"


def test_tasks_may_call_out_by_https_only(endpoint: dict[str, Any]) -> None:
    groups = of_type(endpoint, "AWS::EC2::SecurityGroup")
    (tasks,) = (g for g in groups if g["GroupDescription"] == "Tasks")
    (out,) = tasks["SecurityGroupEgress"]
    assert (out["IpProtocol"], out["FromPort"], out["ToPort"]) == ("tcp", 443, 443)


def test_an_endpoint_on_the_internet_speaks_tls_to_the_callers_it_names(
    variants: dict[str, dict[str, Any]],
) -> None:
    found = variants["oidc"]
    listeners = {each["Port"]: each for each in of_type(found, LISTENER)}
    assert sorted(listeners) == [80, 443]
    assert listeners[443]["Protocol"] == "HTTPS"
    assert listeners[443]["Certificates"] == [{"CertificateArn": CERTIFICATE}]
    assert listeners[443]["SslPolicy"].startswith("ELBSecurityPolicy-TLS13-1-2")
    (moved,) = listeners[80]["DefaultActions"]
    assert moved["RedirectConfig"]["StatusCode"] == "HTTP_301"
    assert moved["RedirectConfig"]["Protocol"] == "HTTPS"
    assert [(rule["CidrIp"], rule["FromPort"]) for rule in let_in(found)] == [
        ("192.0.2.0/24", 443),
        ("192.0.2.0/24", 80),  # to be sent to 443
    ]


def test_who_no_rule_lets_in_is_refused(
    endpoint: dict[str, Any], internet: dict[str, Any], gpu: dict[str, Any]
) -> None:
    for found in (endpoint, internet, gpu):
        for listener in of_type(found, LISTENER):
            (action,) = listener["DefaultActions"]
            assert action["Type"] in ("fixed-response", "redirect")
            refusal = action.get("FixedResponseConfig", {"StatusCode": "403"})
            assert refusal["StatusCode"] in ("403", "404")


def test_only_the_check_gets_to_the_test_listener(
    endpoint: dict[str, Any], gpu: dict[str, Any], internet: dict[str, Any]
) -> None:
    for found, there in ((endpoint, True), (gpu, True), (internet, False)):
        ports = [each["Port"] for each in of_type(found, LISTENER)]
        assert (TEST_PORT in ports) is there
        assert not any(rule["FromPort"] == TEST_PORT for rule in let_in(found))
        groups = named(found, "AWS::EC2::SecurityGroup")
        into = [
            rule["SourceSecurityGroupId"]["Fn::GetAtt"][0]
            for rule in of_type(found, "AWS::EC2::SecurityGroupIngress")
            if rule["FromPort"] == TEST_PORT
        ]
        assert [groups[id_]["GroupDescription"] for id_ in into] == ["Checker"] * there


def test_two_rules_of_a_listener_have_two_priorities(
    variants: dict[str, dict[str, Any]], gpu: dict[str, Any]
) -> None:
    for found in (*variants.values(), gpu):
        rules = [
            (each["ListenerArn"]["Ref"], each["Priority"])
            for each in of_type(found, RULE)
        ]
        assert rules
        assert len(set(rules)) == len(rules)


def test_tasks_are_targets_by_their_addresses_and_asked_whether_they_are_ready(
    variants: dict[str, dict[str, Any]], endpoint: dict[str, Any], gpu: dict[str, Any]
) -> None:
    expected = (
        (endpoint, 1, 8080, "/v2/health/ready"),
        (variants["canary"], 2, 8080, "/v2/health/ready"),
        (gpu, 2, 8501, "/v1/models/support-sentiment"),
    )
    for found, count, port, path in expected:
        groups = of_type(found, TARGETS)
        assert len(groups) == count
        for group in groups:
            assert group["TargetType"] == "ip"
            assert (group["Port"], group["Protocol"]) == (port, "HTTP")
            assert group["HealthCheckPath"] == path


def test_a_connection_is_given_up_by_the_balancer_before_tf_serving_does(
    endpoint: dict[str, Any],
) -> None:
    """Else the server closes one that a request is just put on: the caller sees 502."""
    libevent_seconds = 50  # HTTP_READ_TIMEOUT, which TF Serving leaves as it is
    idle = int(attributes(endpoint)["idle_timeout.timeout_seconds"])
    assert idle < libevent_seconds


def test_deleting_a_balancer_is_refused_where_the_door_says_so(
    variants: dict[str, dict[str, Any]], endpoint: dict[str, Any]
) -> None:
    assert attributes(variants["canary"])["deletion_protection.enabled"] == "true"
    assert attributes(endpoint)["deletion_protection.enabled"] == "false"
    for found in (variants["canary"], endpoint):
        assert attributes(found)["routing.http.drop_invalid_header_fields.enabled"]


def test_who_called_is_kept_where_nobody_else_reads_it_and_not_for_ever(
    internet: dict[str, Any], endpoint: dict[str, Any]
) -> None:
    assert not of_type(endpoint, "AWS::S3::Bucket")
    bucket = only(internet, "AWS::S3::Bucket")
    assert attributes(internet)["access_logs.s3.enabled"] == "true"
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", 90)
    policy = only(internet, "AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]
    allowed = [each for each in policy if each["Effect"] == "Allow"]
    principals = {json.dumps(each["Principal"]) for each in allowed}
    assert principals == {
        '{"AWS": "arn:aws:iam::127311923021:root"}',  # balancers of us-east-1
        '{"Service": "delivery.logs.amazonaws.com"}',
    }
    assert {"Bool": {"aws:SecureTransport": "false"}} in [
        each.get("Condition") for each in policy if each["Effect"] == "Deny"
    ]


def let_in(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Every rule that lets in addresses, of any security group."""
    groups = of_type(found, "AWS::EC2::SecurityGroup")
    rules = [rule for group in groups for rule in group.get("SecurityGroupIngress", [])]
    rules += of_type(found, "AWS::EC2::SecurityGroupIngress")
    return [rule for rule in rules if "CidrIp" in rule]


def attributes(found: dict[str, Any]) -> dict[str, Any]:
    balancer = only(found, "AWS::ElasticLoadBalancingV2::LoadBalancer")
    return {each["Key"]: each["Value"] for each in balancer["LoadBalancerAttributes"]}
