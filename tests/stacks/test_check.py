"""What the check may do, and whom it asks. The function itself: test_check_function."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from model_build import sample
from stacks.balancer import TEST_PORT
from stacks.check import SOURCE, TIMEOUT_MINUTES
from stacks.functions.check.handler import (
    ANSWER_SECONDS,
    CALL_AGAIN_SECONDS,
    CALLS,
)
from tests.stacks.conftest import DEMO, DEV, named, of_type, only, template

FUNCTION = "AWS::Lambda::Function"


def test_it_asks_the_test_listener_of_this_balancer(endpoint: dict[str, Any]) -> None:
    (balancer,) = named(endpoint, "AWS::ElasticLoadBalancingV2::LoadBalancer")
    url = variables(endpoint)["URL"]["Fn::Join"][1]
    name = {"Fn::GetAtt": [balancer, "DNSName"]}
    assert url == ["http://", name, f":{TEST_PORT}"]


def test_it_asks_for_the_release_that_is_deployed_with_it(
    endpoint: dict[str, Any], gpu: dict[str, Any]
) -> None:
    for found, runtime in ((endpoint, "flask"), (gpu, "tf_serving")):
        assert json.loads(variables(found)["RELEASE"]) == {
            "model": "support-sentiment",
            "version": "3f1c9a07be24",
            "runtime": runtime,
        }
    assert float(variables(endpoint)["TOLERANCE"]) == DEV.endpoints[0].rollout.tolerance


def test_an_endpoint_that_it_could_not_reach_has_none(internet: dict[str, Any]) -> None:
    assert not of_type(internet, FUNCTION)


def test_it_reads_what_this_model_s_builds_published_and_writes_its_log(
    endpoint: dict[str, Any],
) -> None:
    allowed, denied = statements(endpoint)
    reading = allowed.pop("s3:GetObject")
    assert reading["Fn::Join"][1][-1].endswith("/releases/support-sentiment/*")
    (log,) = (
        id_
        for id_, group in named(endpoint, "AWS::Logs::LogGroup").items()
        if id_.startswith("Check") and group["RetentionInDays"] == DEV.log_days
    )
    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        assert allowed.pop(action) == {"Fn::GetAtt": [log, "Arn"]}
    assert allowed.pop("kms:Decrypt")  # with the registry's key, by its alias
    assert all(action.startswith("ec2:") for action in allowed)
    assert set(allowed) == set(denied)  # to Lambda for its code, but not to its code


def test_its_key_is_the_registry_s_and_used_by_s3_only(
    assembly: Path, endpoint: dict[str, Any]
) -> None:
    alias = only(template(assembly, "delivery-registry"), "AWS::KMS::Alias")
    (decrypt,) = (
        each
        for each in policy(endpoint)
        if each["Effect"] == "Allow" and each["Action"] == "kms:Decrypt"
    )
    aliases = decrypt["Condition"]["ForAnyValue:StringEquals"]["kms:ResourceAliases"]
    assert aliases == alias["AliasName"]
    assert "kms:ViaService" in decrypt["Condition"]["StringEquals"]


def test_it_calls_the_balancer_and_s3_and_is_called_by_nobody_s_network(
    endpoint: dict[str, Any],
) -> None:
    groups = named(endpoint, "AWS::EC2::SecurityGroup")
    (id_,) = (i for i, g in groups.items() if g["GroupDescription"] == "Checker")
    (s3,) = groups[id_]["SecurityGroupEgress"]
    assert (s3["FromPort"], s3["ToPort"]) == (443, 443)
    assert "SecurityGroupIngress" not in groups[id_]
    own = {"Fn::GetAtt": [id_, "GroupId"]}
    into = of_type(endpoint, "AWS::EC2::SecurityGroupIngress")
    assert not [rule for rule in into if rule["GroupId"] == own]
    out = of_type(endpoint, "AWS::EC2::SecurityGroupEgress")
    ports = [rule["FromPort"] for rule in out if rule["GroupId"] == own]
    assert ports == [TEST_PORT]
    network = only(endpoint, FUNCTION)["VpcConfig"]
    assert network["SecurityGroupIds"] == [own]


def test_it_ends_before_whoever_waits_for_it_gives_up(gpu: dict[str, Any]) -> None:
    function = only(gpu, FUNCTION)
    assert function["Timeout"] > sample.TEXTS * ANSWER_SECONDS
    a_call = CALL_AGAIN_SECONDS + ANSWER_SECONDS  # a silent server is given up at once
    assert CALLS * a_call < TIMEOUT_MINUTES * 60


def test_an_account_with_few_concurrent_calls_can_deploy_it(
    endpoint: dict[str, Any],
) -> None:
    """AWS refuses to reserve any of a new account's ten."""
    assert "ReservedConcurrentExecutions" not in only(endpoint, FUNCTION)


def test_its_name_fits_and_is_its_stack_s(
    endpoint: dict[str, Any], gpu: dict[str, Any]
) -> None:
    for found, stage, name in (
        (endpoint, DEV.name, "support-sentiment"),
        (gpu, DEMO.name, "gpu"),
    ):
        called = only(found, FUNCTION)["FunctionName"]
        assert called == f"{stage}-endpoint-{name}-check"
        assert len(called) <= 64


def test_its_code_is_the_handler_and_no_more(
    assembly: Path, endpoint: dict[str, Any]
) -> None:
    """A compiled file beside it would be another asset on every machine."""
    key = only(endpoint, FUNCTION)["Code"]["S3Key"]
    asset = assembly / f"asset.{key.removesuffix('.zip')}"
    assert [path.name for path in asset.iterdir()] == ["handler.py"]
    assert (asset / "handler.py").read_bytes() == (SOURCE / "handler.py").read_bytes()
    assert only(endpoint, FUNCTION)["Handler"] == "handler.handle"


def variables(found: dict[str, Any]) -> dict[str, Any]:
    return dict(only(found, FUNCTION)["Environment"]["Variables"])


def policy(found: dict[str, Any]) -> list[dict[str, Any]]:
    id_ = only(found, FUNCTION)["Role"]["Fn::GetAtt"][0]
    role = found["Resources"][id_]["Properties"]
    assert "ManagedPolicyArns" not in role
    (inline,) = role["Policies"]
    return list(inline["PolicyDocument"]["Statement"])


def statements(found: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Resources by action: allowed, and denied."""
    by_effect: dict[str, dict[str, Any]] = {"Allow": {}, "Deny": {}}
    for each in policy(found):
        given = each["Action"]
        for action in [given] if isinstance(given, str) else given:
            by_effect[each["Effect"]][action] = each["Resource"]
    return by_effect["Allow"], by_effect["Deny"]
