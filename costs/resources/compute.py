"""What runs a model: services of tasks, on Fargate or on instances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from costs.assembly import AssemblyError, Resource, Stack
from costs.charges import HOURS, Charge, Estimate, Rates
from costs.fargate import FargateSize
from costs.scale import Scale, counted

_INCLUDED_STORAGE_GIB = 20  # of ephemeral storage in every Fargate task
_FARGATE = ("FARGATE", "FARGATE_SPOT")


def service(resource: Resource, rates: Rates) -> Estimate:
    """Price a service's tasks between the ends of its scaling."""
    stack = rates.stack_of(resource)
    task = task_definition(resource, stack)
    tasks = _tasks(resource, stack)
    shares = capacity_shares(resource, stack)
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
        rates.charge("Fargate", f"{item} {kind}", hours * each, *assumptions)
        for hours, assumptions in _billed_hours(shares, rates)
        for item, each in (("vCPU", size.vcpu), ("memory", size.memory_gib))
    ]
    charges += _extras(resource, task, tasks, rates)
    spot = " Spot" if shares.keys() == {"FARGATE_SPOT"} else ""
    spot = spot or (" part Spot" if "FARGATE_SPOT" in shares else "")
    text = f"Fargate{spot} {size.vcpu:g} vCPU {size.memory_gib:g} GB {kind}"
    return Estimate(f"{text}, {counted(tasks, 'task')}", tuple(charges))


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


def task_definition(service: Resource, stack: Stack) -> Resource:
    wanted = service.get("TaskDefinition")
    for task in stack.of_type("AWS::ECS::TaskDefinition"):
        if task.name == wanted:
            return task
    raise AssemblyError(f"{service}: TaskDefinition: {wanted!r} is not in the stack")


def _tasks(service: Resource, stack: Stack) -> Scale:
    """Return the tasks that scaling keeps, or the desired count where none scales."""
    name = service.get("ServiceName", service.name)
    for target in stack.of_type("AWS::ApplicationAutoScaling::ScalableTarget"):
        scaled = target.get("ResourceId")  # service/CLUSTER/NAME
        if service.is_named_in(scaled) or scaled.rpartition("/")[2] == name:
            return _bounds(target)
    return Scale.always(service.number("DesiredCount", 1))


def _bounds(target: Resource) -> Scale:
    """Return the widest bounds that the target has at any time of its schedule."""
    found = [(target.number("MinCapacity"), target.number("MaxCapacity"))]
    for scheduled in target.items("ScheduledActions"):
        action = scheduled.get("ScalableTargetAction", {})
        low, high = (
            float(action.get(name, always))
            for name, always in zip(
                ("MinCapacity", "MaxCapacity"), found[0], strict=True
            )
        )
        found.append((low, high))
    for low, high in found:
        if not 0 <= low <= high:
            bounds = f"MinCapacity {low:g}, MaxCapacity {high:g}"
            raise AssemblyError(f"{target}: {bounds}: not 0 or more, rising")
    return Scale(min(low for low, _ in found), max(high for _, high in found))


def capacity_shares(service: Resource, stack: Stack) -> Mapping[str, Scale]:
    """Return a service's tasks by capacity provider; empty for plain EC2 ones."""
    tasks = _tasks(service, stack)
    strategy = service.items("CapacityProviderStrategy")
    if not strategy:
        launch = service.get("LaunchType", None)
        task = task_definition(service, stack)
        if launch is None and task.items("RequiresCompatibilities") == ["FARGATE"]:
            launch = "FARGATE"
        return {"FARGATE": tasks} if launch == "FARGATE" else {}
    bases = sum(float(entry.get("Base", 0)) for entry in strategy)
    weights = sum(float(entry.get("Weight", 0)) for entry in strategy)

    def share(count: float, entry: Mapping[str, Any]) -> float:
        # ECS fills the bases first; what is left goes by weight.
        base, weight = float(entry.get("Base", 0)), float(entry.get("Weight", 0))
        rest = max(0.0, count - bases) * weight / weights if weights else 0.0
        return min(base, count) + rest

    return {
        str(entry["CapacityProvider"]): Scale(
            share(tasks.minimum, entry), share(tasks.maximum, entry)
        )
        for entry in strategy
    }


def _pools(rates: Rates) -> Iterator[str]:
    for stack in rates.assembly.stacks:
        for provider in stack.of_type("AWS::ECS::CapacityProvider"):
            yield str(provider.get("Name", provider.name))
            yield provider.name


def _billed_hours(
    shares: Mapping[str, Scale], rates: Rates
) -> list[tuple[Scale, tuple[str, ...]]]:
    """Return on-demand task hours a month by provider; Spot's are discounted."""
    discount = rates.usage.spot_discount
    paid = Scale(1 - discount.minimum, 1 - discount.maximum)
    factors = {
        "FARGATE": (Scale.always(1), ()),
        "FARGATE_SPOT": (paid, ("spot_discount",)),
    }
    return [
        (shares[provider] * factor * HOURS, assumptions)
        for provider, (factor, assumptions) in factors.items()
        if provider in shares
    ]
