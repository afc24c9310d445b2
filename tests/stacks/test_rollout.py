"""How one release replaces another, and what takes it back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stacks.settings.rollout import RolloutConfig
from tests.stacks.conftest import DEMO, DEV, PROD, named, of_type, only

SERVICE = "AWS::ECS::Service"
LISTENER = "AWS::ElasticLoadBalancingV2::Listener"
RULE = "AWS::ElasticLoadBalancingV2::ListenerRule"
TARGETS = "AWS::ElasticLoadBalancingV2::TargetGroup"

Found = dict[str, Any]


@pytest.fixture(scope="session")
def rollouts(
    endpoint: Found, internet: Found, gpu: Found, variants: dict[str, Found]
) -> dict[str, tuple[Found, RolloutConfig]]:
    """A template and its settings of each kind."""
    demo = {each.name: each.rollout for each in DEMO.balanced}
    return {
        "rolling": (endpoint, DEV.endpoints[0].rollout),
        "canary": (variants["canary"], PROD.endpoints[0].rollout),
        "linear": (internet, demo["internet"]),
        "blue-green": (gpu, demo["gpu"]),
    }


Rollouts = dict[str, tuple[Found, RolloutConfig]]


def test_ecs_is_told_the_kind_its_steps_and_how_long_it_may_be_taken_back(
    rollouts: Rollouts,
) -> None:
    for kind, (found, config) in rollouts.items():
        assert config.kind == kind
        told = only(found, SERVICE)["DeploymentConfiguration"]
        assert told["Strategy"] == kind.upper().replace("-", "_")
        assert told["MinimumHealthyPercent"] == config.min_healthy_percent
        assert told["MaximumPercent"] == config.max_healthy_percent
        bake = told.get("BakeTimeInMinutes")
        assert bake == (config.bake_minutes if config.shifts else None)
    _, canary = rollouts["canary"]
    told = only(rollouts["canary"][0], SERVICE)["DeploymentConfiguration"]
    assert told["CanaryConfiguration"] == {
        "CanaryPercent": canary.step_percent,
        "CanaryBakeTimeInMinutes": canary.step_minutes,
    }
    _, linear = rollouts["linear"]
    told = only(rollouts["linear"][0], SERVICE)["DeploymentConfiguration"]
    assert told["LinearConfiguration"] == {
        "StepPercent": linear.step_percent,
        "StepBakeTimeInMinutes": linear.step_minutes,
    }


def test_every_kind_is_taken_back_by_alarms_that_there_are(rollouts: Rollouts) -> None:
    for kind, (found, _) in rollouts.items():
        told = only(found, SERVICE)["DeploymentConfiguration"]
        breaker = {"Enable": True, "Rollback": True}
        assert told["DeploymentCircuitBreaker"] == breaker, kind
        assert (told["Alarms"]["Enable"], told["Alarms"]["Rollback"]) == (True, True)
        names = [each["AlarmName"] for each in of_type(found, "AWS::CloudWatch::Alarm")]
        wanted = told["Alarms"]["AlarmNames"]
        assert {name.rsplit("-", 1)[1] for name in wanted} == {
            "failing",
            "slow",
            "unhealthy",
        }
        assert set(wanted) <= set(names)


def test_requests_shift_between_two_groups_by_rules_that_only_forward(
    rollouts: Rollouts,
) -> None:
    for kind, (found, config) in rollouts.items():
        (target,) = only(found, SERVICE)["LoadBalancers"]
        groups = named(found, TARGETS)
        first = target["TargetGroupArn"]["Ref"]
        if not config.shifts:
            assert set(groups) == {first}
            assert "AdvancedConfiguration" not in target
            continue
        shifted = target["AdvancedConfiguration"]
        assert {first, shifted["AlternateTargetGroupArn"]["Ref"]} == set(groups), kind
        rules = named(found, RULE)
        rule = rules[shifted["ProductionListenerRule"]["Ref"]]
        (action,) = rule["Actions"]
        assert action == {"Type": "forward", "TargetGroupArn": {"Ref": first}}
        assert port_of(found, rule) in (80, 443)
        if config.checked:
            test = rules[shifted["TestListenerRule"]["Ref"]]
            assert test != rule
            assert port_of(found, test) == 8081


def port_of(found: Found, rule: dict[str, Any]) -> int:
    port: int = named(found, LISTENER)[rule["ListenerArn"]["Ref"]]["Port"]
    return port


def test_a_service_waits_for_its_rule(rollouts: Rollouts) -> None:
    """ECS refuses a target group that no load balancer has yet."""
    for found, _ in rollouts.values():
        (service,) = (
            each for each in found["Resources"].values() if each["Type"] == SERVICE
        )
        rules = {
            id_
            for id_, rule in named(found, RULE).items()
            if port_of(found, rule) in (80, 443)
        }
        assert rules <= set(service["DependsOn"])


def test_the_check_is_asked_before_requests_shift_and_for_this_very_release(
    rollouts: Rollouts,
) -> None:
    for kind, (found, config) in rollouts.items():
        told = only(found, SERVICE)["DeploymentConfiguration"]
        hooks = told.get("LifecycleHooks", [])
        assert len(hooks) == (config.shifts and config.checked), kind
        for hook in hooks:
            assert hook["LifecycleStages"] == ["POST_TEST_TRAFFIC_SHIFT"]
            assert hook["TimeoutConfiguration"]["Action"] == "ROLLBACK"
            (function,) = named(found, "AWS::Lambda::Function")
            assert hook["HookTargetArn"] == {"Fn::GetAtt": [function, "Arn"]}
            said = json.loads(hook["HookDetails"])
            (container,) = only(found, "AWS::ECS::TaskDefinition")[
                "ContainerDefinitions"
            ]
            image = container["Image"]["Fn::Join"][1][-1]
            assert f"/{said['runtime']}:{said['model']}-{said['version']}" in image


def test_ecs_may_call_the_check_and_nothing_else(gpu: Found) -> None:
    (hook,) = only(gpu, SERVICE)["DeploymentConfiguration"]["LifecycleHooks"]
    caller = gpu["Resources"][hook["RoleArn"]["Fn::GetAtt"][0]]["Properties"]
    (trust,) = caller["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "ecs.amazonaws.com"}
    (policy,) = caller["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == "lambda:InvokeFunction"
    assert statement["Resource"] == hook["HookTargetArn"]
    assert "ManagedPolicyArns" not in caller
