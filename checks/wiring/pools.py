"""Where ECS places tasks: providers a cluster has, and what their instances have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from checks.deployed import Deployed, Part
from checks.finding import Finding
from checks.wiring.services import SERVICE, task_of
from costs.instances import InstanceError, instance_type

PROVIDER = "AWS::ECS::CapacityProvider"
ASSOCIATIONS = "AWS::ECS::ClusterCapacityProviderAssociations"
_TYPE = re.compile(r'"([a-z]+\d[a-z0-9-]*\.[a-z0-9]+)"')


def capacity_providers_are_the_clusters(deployed: Deployed) -> Iterator[Finding]:
    """A provider that is not associated with the cluster places no task."""
    offered = {
        (each.stage, name)
        for each in deployed.of(ASSOCIATIONS, "AWS::ECS::Cluster")
        for name in _provided(each, deployed)
    } | {
        (each.stage, each.get("Name"))  # managed instances name their cluster
        for each in deployed.of(PROVIDER)
        if each.get("ClusterName")
    }
    for service in deployed.of(SERVICE):
        for entry in service.items("CapacityProviderStrategy"):
            name = _provider_name(entry.get("CapacityProvider"), deployed)
            if (service.stage, name) not in offered:
                says = f"{name}: the cluster of {service.stage} has no such provider"
                yield service.wrong("no-capacity", "CapacityProviderStrategy", says)


def gpus_are_asked_for_where_they_are(deployed: Deployed) -> Iterator[Finding]:
    """A GPU task on a pool without GPUs never starts; the other way it burns money."""
    for service in deployed.of(SERVICE):
        task = task_of(service, deployed)
        if task is None:
            continue
        wanted = sum(_gpus(each) for each in task.items("ContainerDefinitions"))
        for entry in service.items("CapacityProviderStrategy"):
            name = _provider_name(entry.get("CapacityProvider"), deployed)
            offered = _least_gpus(name, deployed)
            if offered is None and not wanted:
                continue
            if wanted > (offered or 0):
                says = f"{wanted} GPUs, but instances of {name} have {offered or 0}"
                yield task.wrong(
                    "gpu-missing", "ContainerDefinitions.ResourceRequirements", says
                )
            elif offered and not wanted:
                says = f"no GPU, but it runs on {name}, whose instances have {offered}"
                yield task.wrong(
                    "gpu-unreserved", "ContainerDefinitions.ResourceRequirements", says
                )


def _gpus(container: Mapping[str, Any]) -> int:
    asked = container.get("ResourceRequirements", [])
    return sum(int(each["Value"]) for each in asked if each["Type"] == "GPU")


def _provider_name(value: Any, deployed: Deployed) -> Any:
    """Return the name of a provider that is referred to, or named."""
    part = deployed.named(value, PROVIDER)
    return part.get("Name", value) if part else value


def _provided(part: Part, deployed: Deployed) -> Iterator[Any]:
    for value in part.items("CapacityProviders"):
        yield _provider_name(value, deployed)


def _least_gpus(provider: Any, deployed: Deployed) -> int | None:
    """Return what every instance type of a pool has; None where there is no pool."""
    for part in deployed.of(PROVIDER):
        if provider == part.get("Name"):
            kinds = _TYPE.findall(_behind(part, deployed))
            return min((_gpus_of(kind) for kind in kinds), default=0)
    return None


def _behind(provider: Part, deployed: Deployed) -> str:
    """Return, as text, the group and the template that a provider starts instances by."""
    text = json.dumps(dict(provider.properties), default=str)
    for kind in ("AWS::AutoScaling::AutoScalingGroup", "AWS::EC2::LaunchTemplate"):
        for part in deployed.of(kind):
            own = f"<{part.stack}.{part.logical_id}"
            if f"{own}>" in text or f"{own}." in text:
                text += json.dumps(dict(part.properties), default=str)
    return text


def _gpus_of(kind: str) -> int:
    try:
        return instance_type(kind).gpus
    except InstanceError:
        return 0
