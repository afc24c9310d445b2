"""What runs a model: services of tasks, on Fargate or on instances."""

from __future__ import annotations

from collections.abc import Iterator

from costs.assembly import AssemblyError, Resource
from costs.charges import HOURS, Charge, Estimate, Rates
from costs.fargate import FargateSize
from costs.resources.tasks import capacity_shares, count, rests_on, task_definition
from costs.scale import Scale, counted

_INCLUDED_STORAGE_GIB = 20  # of ephemeral storage in every Fargate task
# Capacity provider -> the assumption of what is paid less.
_DISCOUNTS = {"FARGATE": "savings_plan_discount", "FARGATE_SPOT": "spot_discount"}
_FARGATE = tuple(_DISCOUNTS)


def service(resource: Resource, rates: Rates) -> Estimate:
    """Price a service's tasks between the ends of its scaling."""
    stack = rates.stack_of(resource)
    task = task_definition(resource, stack)
    tasks = count(resource, stack, rates.usage)
    shares = capacity_shares(resource, stack, rates.usage)
    pools = sorted(shares.keys() - set(_FARGATE))
    if unknown := set(pools) - set(_pools(rates)):
        names = ", ".join(sorted(unknown))
        raise AssemblyError(
            f"{resource}: CapacityProviderStrategy: {names}: not priced: no capacity"
            " provider of the assembly has this name"
        )
    if not shares.keys() & set(_FARGATE):
        where = " ".join(["the cluster's instances", *pools])
        return Estimate(f"runs on {where}, which are priced themselves")
    size = FargateSize(int(task.number("Cpu")), int(task.number("Memory")))
    arm = task.get("RuntimePlatform.CpuArchitecture", "X86_64") == "ARM64"
    kind = "ARM" if arm else "x86"
    charges = [
        rates.charge("Fargate", f"{item} {kind}", share * (HOURS * each)).less(
            rates.usage[discount], discount
        )
        for provider, discount in _DISCOUNTS.items()
        if (share := shares.get(provider))
        for item, each in (("vCPU", size.vcpu), ("memory", size.memory_gib))
    ]
    charges += _extras(resource, task, tasks, rates)
    spot = " Spot" if shares.keys() == {"FARGATE_SPOT"} else ""
    spot = spot or (" part Spot" if "FARGATE_SPOT" in shares else "")
    text = f"Fargate{spot} {size.vcpu:g} vCPU {size.memory_gib:g} GB {kind}"
    rests = rests_on(resource, stack)
    return Estimate(
        f"{text}, {counted(tasks, 'task')}",
        tuple(charge.resting_on(*rests) for charge in charges),
    )


def _extras(
    service: Resource, task: Resource, tasks: Scale, rates: Rates
) -> Iterator[Charge]:
    extra = task.number("EphemeralStorage.SizeInGiB", _INCLUDED_STORAGE_GIB)
    if extra > _INCLUDED_STORAGE_GIB:
        hours = tasks * (HOURS * (extra - _INCLUDED_STORAGE_GIB))
        yield rates.charge("Fargate", "ephemeral storage", hours)
    where = "NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp"
    if service.get(where, "DISABLED") == "ENABLED":
        yield rates.charge("Public IPv4", "address in use", tasks * HOURS)


def _pools(rates: Rates) -> Iterator[str]:
    for stack in rates.assembly.stacks:
        for provider in stack.of_type("AWS::ECS::CapacityProvider"):
            yield str(provider.get("Name", provider.name))
            yield provider.name
