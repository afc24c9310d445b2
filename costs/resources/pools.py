"""How many instances of a pool the tasks of its services fill."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from costs.assembly import AssemblyError, Resource, Stack, amount
from costs.charges import Charge, Rates
from costs.instances import InstanceType
from costs.resources.tasks import capacity_shares, rests_on, task_definition
from costs.scale import Scale


def providers_of(group: Resource, rates: Rates) -> set[str]:
    """Return the names of the capacity providers that a group is behind."""
    named = group.get("AutoScalingGroupName", group.name)
    names = set()
    for provider in rates.stack_of(group).of_type("AWS::ECS::CapacityProvider"):
        behind = provider.get("AutoScalingGroupProvider.AutoScalingGroupArn", None)
        if behind is not None and (behind == named or group.is_named_in(behind)):
            names |= {str(provider.get("Name", provider.name)), provider.name}
    return names


def needed_instances(names: set[str], types: list[InstanceType], rates: Rates) -> Scale:
    """Return how many of the smallest type the providers' tasks fill at either end."""
    total = Scale.always(0)
    for service, stack, tasks in _services(names, rates):
        task = task_definition(service, stack)
        total += tasks * max(_share(task, kind) for kind in types)
    return Scale.of(_whole, total)


def _services(names: set[str], rates: Rates) -> Iterator[tuple[Resource, Stack, Scale]]:
    """Yield the services that run on some providers, with their tasks there."""
    for stack in rates.assembly.stacks:
        for service in stack.of_type("AWS::ECS::Service"):
            for provider, tasks in capacity_shares(service, stack, rates.usage).items():
                if provider in names:
                    yield service, stack, tasks


def resting(charges: list[Charge], names: set[str], rates: Rates) -> tuple[Charge, ...]:
    """Return charges that rest on what the providers' tasks are counted with."""
    found = [rests_on(service, stack) for service, stack, _ in _services(names, rates)]
    rests = dict.fromkeys(name for names in found for name in names)
    return tuple(charge.resting_on(*rests) for charge in charges)


def _share(task: Resource, kind: InstanceType) -> float:
    """Return the part of an instance that one of as many such tasks as fit takes."""
    containers = task.items("ContainerDefinitions")
    cpu = task.number("Cpu", sum(float(c.get("Cpu", 0)) for c in containers))
    memory = task.number("Memory", sum(map(_memory, containers)))
    gpus = sum(
        amount(f"{task}: ResourceRequirements.Value", wanted["Value"])
        for container in containers
        for wanted in container.get("ResourceRequirements", [])
        if wanted["Type"] == "GPU"
    )
    taken = {
        "vCPU": (cpu / 1024, kind.vcpu),
        "GiB of memory": (memory / 1024, kind.memory_gib),
        "GPU": (gpus, kind.gpus),
    }
    for unit, (wanted, there) in taken.items():
        if wanted > there:
            raise AssemblyError(
                f"{task}: {wanted:g} {unit}: more than the {there} of a {kind.name}"
            )
    fit = [there // wanted for wanted, there in taken.values() if wanted]
    return 1 / min(fit) if fit else 0.0


def _memory(container: Mapping[str, Any]) -> float:
    return float(container.get("MemoryReservation") or container.get("Memory") or 0)


def _whole(instances: float) -> float:
    return math.ceil(round(instances, 6))
