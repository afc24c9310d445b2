"""How a service goes from one release to the next, and what takes it back.

ECS does it natively: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-blue-green.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ecs as ecs

from stacks.balancer import Balancer
from stacks.settings.rollout import RolloutConfig, RolloutKind

STRATEGIES: Mapping[RolloutKind, ecs.DeploymentStrategy] = {
    "rolling": ecs.DeploymentStrategy.ROLLING,
    "canary": ecs.DeploymentStrategy.CANARY,
    "linear": ecs.DeploymentStrategy.LINEAR,
    "blue-green": ecs.DeploymentStrategy.BLUE_GREEN,
}


def rollout_of(config: RolloutConfig, alarm_names: Sequence[str]) -> dict[str, Any]:
    """Return what a service is told of its rollout; alarms take any kind of it back.

    So does the circuit breaker, where tasks do not even start.
    """
    settings: dict[str, Any] = {
        "deployment_strategy": STRATEGIES[config.kind],
        "min_healthy_percent": config.min_healthy_percent,
        "max_healthy_percent": config.max_healthy_percent,
        "deployment_alarms": ecs.DeploymentAlarmConfig(
            alarm_names=list(alarm_names),
            behavior=ecs.AlarmBehavior.ROLLBACK_ON_ALARM,
        ),
        "circuit_breaker": ecs.DeploymentCircuitBreaker(rollback=True),
    }
    if config.shifts:
        settings["bake_time"] = cdk.Duration.minutes(config.bake_minutes)
    if config.kind in ("canary", "linear"):
        settings[f"{config.kind}_configuration"] = ecs.TrafficShiftConfig(
            step_percent=config.step_percent,
            step_bake_time=cdk.Duration.minutes(config.step_minutes),
        )
    return settings


def replaced_in_place(alarm_names: Sequence[str]) -> dict[str, Any]:
    """Return what a service of workers is told: nobody waits for one of them.

    Each is stopped and ends what it has begun, then one of the new release starts.
    """
    return {
        "deployment_alarms": ecs.DeploymentAlarmConfig(
            alarm_names=list(alarm_names),
            behavior=ecs.AlarmBehavior.ROLLBACK_ON_ALARM,
        ),
        "min_healthy_percent": 0,
        "max_healthy_percent": 100,
        "circuit_breaker": ecs.DeploymentCircuitBreaker(rollback=True),
    }


def route(service: ecs.BaseService, balancer: Balancer, config: RolloutConfig) -> None:
    """Put the service behind the load balancer, with a second group to shift to."""
    blue, *green = balancer.target_groups
    if not config.shifts:
        blue.add_target(service)
        return
    rules = ecs.ListenerRuleConfiguration
    container = service.task_definition.default_container
    assert container is not None
    target = service.load_balancer_target(
        container_name=container.container_name,
        container_port=container.container_port,
        alternate_target=ecs.AlternateTarget(
            "Green",
            alternate_target_group=green[0],
            production_listener=rules.application_listener_rule(balancer.rule),
            test_listener=rules.application_listener_rule(balancer.test_rule)
            if balancer.test_rule
            else None,
        ),
    )
    target.attach_to_application_target_group(blue)
    cdk.Validations.of(service).acknowledge(
        cdk.Acknowledgment(
            id="Annotation::@aws-cdk/aws-ecs:shouldUseCircuitBreaker",
            reason="it is on: the library looks for it where rollouts are rolling only",
        )
    )
