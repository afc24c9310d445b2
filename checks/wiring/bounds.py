"""Numbers that must fit each other, and money that must be watched."""

from __future__ import annotations

import json
from collections.abc import Iterator

from checks.deployed import Deployed, Part
from checks.finding import Finding
from checks.wiring.services import SERVICE

SCALED = "AWS::ApplicationAutoScaling::ScalableTarget"
POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"
INSTANCES = "AWS::AutoScaling::AutoScalingGroup"


def minimum_is_no_more_than_maximum(deployed: Deployed) -> Iterator[Finding]:
    pairs = ((SCALED, "MinCapacity", "MaxCapacity"), (INSTANCES, "MinSize", "MaxSize"))
    for kind, low, high in pairs:
        for part in deployed.of(kind):
            yield from _in_order(part, part.get(low), part.get(high), low, high)
    for part in deployed.of(SCALED):
        for scheduled in part.items("ScheduledActions"):
            action = scheduled.get("ScalableTargetAction", {})
            ends = (action.get("MinCapacity"), action.get("MaxCapacity"))
            name = (
                f"ScheduledActions.{scheduled.get('ScheduledActionName')}.MinCapacity"
            )
            yield from _in_order(part, *ends, name, "MaxCapacity")


def what_is_scaled_is_there(deployed: Deployed) -> Iterator[Finding]:
    """A policy without its target, or a target without its service, scales nothing."""
    for policy in deployed.of(POLICY):
        target = policy.get("ScalingTargetId")
        if target and deployed.named(target, SCALED) is None:
            yield policy.wrong("no-target", "ScalingTargetId", f"{target}: not there")
    for scaled in deployed.of(SCALED):
        if scaled.get("ServiceNamespace") != "ecs":
            continue
        if not any(
            service.is_in(scaled.get("ResourceId")) for service in deployed.of(SERVICE)
        ):
            says = f"{scaled.get('ResourceId')}: no such service"
            yield scaled.wrong("no-service", "ResourceId", says)


def services_scale(deployed: Deployed) -> Iterator[Finding]:
    """Every service has a target, and every target something that moves it."""
    for service in deployed.of(SERVICE):
        targets = [t for t in deployed.of(SCALED) if service.is_in(t.get("ResourceId"))]
        if not targets:
            yield service.wrong("unscaled", "", "no ScalableTarget names it")
        for target in targets:
            moved = (
                p for p in deployed.of(POLICY) if target.names(p.get("ScalingTargetId"))
            )
            fixed = target.get("MinCapacity") == target.get("MaxCapacity")
            if not fixed and not any(moved) and not target.items("ScheduledActions"):
                yield target.wrong("unscaled", "", "no policy moves it")


def every_stage_has_its_budget(deployed: Deployed) -> Iterator[Finding]:
    """A budget that filters by the stage's tag, and tells somebody."""
    for stage in deployed.assembly.stages:
        endpoints = [s for s in deployed.of(SERVICE) if s.stage == stage]
        budgets = [b for b in deployed.of("AWS::Budgets::Budget") if b.stage == stage]
        if endpoints and not budgets:
            yield endpoints[0].wrong("no-budget", "", f"stage {stage} has no budget")
        for budget in budgets:
            filters = json.dumps(budget.get("Budget.CostFilters", {}))
            if f'"user:stage${stage}"' not in filters:
                says = f"{filters}, but the stage's tag is user:stage${stage}"
                yield budget.wrong("budget-tag", "Budget.CostFilters", says)
            told = budget.items("NotificationsWithSubscribers")
            if not any(each.get("Subscribers") for each in told):
                name = "NotificationsWithSubscribers"
                yield budget.wrong("budget-untold", name, "nobody is told")


def _in_order(
    part: Part, low: object, high: object, name: str, other: str
) -> Iterator[Finding]:
    if low is not None and high is not None and float(str(low)) > float(str(high)):
        yield part.wrong("min-over-max", name, f"{low}, but {other} is {high}")
