"""Who gets in to a running model, and what it may call."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.conftest import ManifestFactory
from tests.stacks.conftest import (
    DEV,
    PROD,
    SHOWN,
    of_type,
    only,
    synthesize,
    template,
    write_release,
)

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
    tmp_path: Path, make_manifest: ManifestFactory
) -> None:
    certificate = "arn:aws:acm:us-east-1:123456789012:certificate/0"
    door = replace(
        ENDPOINT.door,
        internal=False,
        certificate_arn=certificate,
        callers=("192.0.2.0/24",),
    )
    unchecked = replace(ENDPOINT.rollout, checked=False)
    public = replace(ENDPOINT, door=door, rollout=unchecked)
    write_release(tmp_path / "releases", "dev", make_manifest())
    what = replace(SHOWN, stages=(replace(DEV, endpoints=(public,)), PROD))
    out = synthesize(tmp_path / "out", tmp_path / "releases", what)
    endpoint = template(out, "dev-endpoint-support-sentiment")
    listeners = of_type(endpoint, "AWS::ElasticLoadBalancingV2::Listener")
    tls = next(each for each in listeners if each["Protocol"] == "HTTPS")
    assert tls["Port"] == 443
    assert tls["Certificates"] == [{"CertificateArn": certificate}]
    (plain,) = (each for each in listeners if each["Protocol"] == "HTTP")
    (moved,) = plain["DefaultActions"]
    assert (plain["Port"], moved["Type"]) == (80, "redirect")
    inbound = [
        rule["CidrIp"]
        for group in of_type(endpoint, "AWS::EC2::SecurityGroup")
        for rule in group.get("SecurityGroupIngress", [])
    ]
    assert inbound == ["192.0.2.0/24"] * 2  # 443, and 80 to be sent there
