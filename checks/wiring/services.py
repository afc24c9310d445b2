"""A service, its task, its target groups and its capacity, held against each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from checks.deployed import Deployed, Part
from checks.finding import Finding

SERVICE = "AWS::ECS::Service"
TASK = "AWS::ECS::TaskDefinition"
TARGETS = "AWS::ElasticLoadBalancingV2::TargetGroup"

# What answers 200 once requests can be answered; {model} is MODEL_NAME of the task.
READY: Mapping[str, str] = {
    "flask": "/v2/health/ready",
    "tf_serving": "/v1/models/{model}",
}
_IMAGE = re.compile(r"/lathe/[a-z0-9-]+/(?P<runtime>[a-z_]+)[:@]")


def task_of(service: Part, deployed: Deployed) -> Part | None:
    return deployed.named(service.get("TaskDefinition"), TASK)


def groups_of(balanced: Mapping[str, Any], deployed: Deployed) -> list[Part]:
    """Return the target groups of one entry of a service's LoadBalancers."""
    other = balanced.get("AdvancedConfiguration", {}).get("AlternateTargetGroupArn")
    return deployed.all_named([balanced.get("TargetGroupArn"), other], TARGETS)


def containers_are_those_of_the_task(deployed: Deployed) -> Iterator[Finding]:
    """A service that names another container, or a port it has not, never starts."""
    for service in deployed.of(SERVICE):
        task = task_of(service, deployed)
        if task is None:
            value = service.get("TaskDefinition")
            yield service.wrong("no-task", "TaskDefinition", f"{value}: no such task")
            continue
        ports = {c["Name"]: _ports(c) for c in task.items("ContainerDefinitions")}
        for balanced in service.items("LoadBalancers"):
            name, port = balanced.get("ContainerName"), balanced.get("ContainerPort")
            if name not in ports:
                says = f"{name}, but the task has {', '.join(sorted(ports))}"
                yield service.wrong(
                    "container-name", "LoadBalancers.ContainerName", says
                )
            elif port not in ports[name]:
                says = f"{port}, but container {name} listens on {ports[name]}"
                yield service.wrong(
                    "container-port", "LoadBalancers.ContainerPort", says
                )


def target_groups_fit_the_task(deployed: Deployed) -> Iterator[Finding]:
    """Their port is the container's, their type that of the task's network."""
    for service in deployed.of(SERVICE):
        task = task_of(service, deployed)
        awsvpc = task is not None and task.get("NetworkMode") == "awsvpc"
        wanted = "ip" if awsvpc else "instance"
        for balanced in service.items("LoadBalancers"):
            for group in groups_of(balanced, deployed):
                port, kind = group.get("Port"), group.get("TargetType", "instance")
                if port != balanced.get("ContainerPort"):
                    says = f"{port}, but the service answers on {balanced.get('ContainerPort')}"
                    yield group.wrong("target-port", "Port", says)
                if kind != wanted:
                    says = f"{kind}, but its task's network needs {wanted}"
                    yield group.wrong("target-type", "TargetType", says)


def health_is_asked_where_the_runtime_answers(deployed: Deployed) -> Iterator[Finding]:
    for service in deployed.of(SERVICE):
        task = task_of(service, deployed)
        if task is None:
            continue
        wanted = set(filter(None, map(_ready, task.items("ContainerDefinitions"))))
        for balanced in service.items("LoadBalancers"):
            for group in groups_of(balanced, deployed):
                asked = group.get("HealthCheckPath")
                if wanted and asked not in wanted:
                    says = (
                        f"{asked}, but its image answers on {', '.join(sorted(wanted))}"
                    )
                    yield group.wrong("health-path", "HealthCheckPath", says)


def shifting_services_have_two_target_groups(deployed: Deployed) -> Iterator[Finding]:
    """Without a second group and its role, ECS has nothing to shift requests to."""
    for service in deployed.of(SERVICE):
        strategy = service.get("DeploymentConfiguration.Strategy", "ROLLING")
        if strategy == "ROLLING":
            continue
        for balanced in service.items("LoadBalancers"):
            shift = balanced.get("AdvancedConfiguration", {})
            for name in (
                "AlternateTargetGroupArn",
                "ProductionListenerRule",
                "RoleArn",
            ):
                if name not in shift:
                    yield service.wrong(
                        "no-shift",
                        f"LoadBalancers.AdvancedConfiguration.{name}",
                        f"not set, but the strategy is {strategy}",
                    )


def _ports(container: Mapping[str, Any]) -> list[int]:
    return [each.get("ContainerPort") for each in container.get("PortMappings", [])]


def _ready(container: Mapping[str, Any]) -> str | None:
    image = _IMAGE.search(str(container.get("Image")))
    path = READY.get(image["runtime"]) if image else None
    names = {e["Name"]: e.get("Value") for e in container.get("Environment", [])}
    return path and path.format(model=names.get("MODEL_NAME"))
