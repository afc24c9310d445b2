"""What runs: Fargate services, builds, functions."""

from __future__ import annotations

from costs.assembly import AssemblyError, Resource, Stack
from costs.charges import HOURS, Estimate, Rates
from costs.fargate import FargateSize
from costs.scale import Scale, counted

_INCLUDED_STORAGE_GIB = 20  # of ephemeral storage in every Fargate task
_CODEBUILD_FAMILIES = {"LINUX_CONTAINER": "general1.{} x86", "ARM_CONTAINER": "arm1.{}"}
_CODEBUILD_FAMILIES |= {"LINUX_GPU_CONTAINER": "gpu1.{}"}


def service(resource: Resource, rates: Rates) -> Estimate:
    """Price a service's tasks between the ends of its scaling."""
    stack = rates.stack_of(resource)
    task = _task_definition(resource, stack)
    tasks = _tasks(resource, stack)
    shares = _capacity_shares(resource, task, tasks)
    if not shares:
        return Estimate("runs on the cluster's instances, which are priced themselves")
    size = FargateSize(int(task.number("Cpu")), int(task.number("Memory")))
    arm = task.get("RuntimePlatform.CpuArchitecture", "X86_64") == "ARM64"
    kind = "ARM" if arm else "x86"
    charges = [
        rates.charge("Fargate", f"{item} {kind}", hours * each, *assumptions)
        for hours, assumptions in _billed_hours(shares, rates)
        for item, each in (("vCPU", size.vcpu), ("memory", size.memory_gib))
    ]
    extra = task.number("EphemeralStorage.SizeInGiB", _INCLUDED_STORAGE_GIB)
    if extra > _INCLUDED_STORAGE_GIB:
        hours = tasks * (HOURS * (extra - _INCLUDED_STORAGE_GIB))
        charges.append(rates.charge("Fargate", "ephemeral storage", hours))
    where = "NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp"
    if resource.get(where, "DISABLED") == "ENABLED":
        charges.append(rates.charge("Public IPv4", "address in use", tasks * HOURS))
    spot = " Spot" if shares.keys() == {"FARGATE_SPOT"} else ""
    spot = spot or (" part Spot" if "FARGATE_SPOT" in shares else "")
    text = f"Fargate{spot} {size.vcpu:g} vCPU {size.memory_gib:g} GB {kind}"
    return Estimate(f"{text}, {counted(tasks, 'task')}", tuple(charges))


def _task_definition(service: Resource, stack: Stack) -> Resource:
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
            lowest, highest = target.number("MinCapacity"), target.number("MaxCapacity")
            if not 0 <= lowest <= highest:
                bounds = f"MinCapacity {lowest:g}, MaxCapacity {highest:g}"
                raise AssemblyError(f"{target}: {bounds}: not 0 or more, rising")
            return Scale(lowest, highest)
    return Scale.always(service.number("DesiredCount", 1))


def _capacity_shares(
    service: Resource, task: Resource, tasks: Scale
) -> dict[str, Scale]:
    """Return tasks by Fargate capacity provider; empty for a service on instances."""
    strategy = service.items("CapacityProviderStrategy")
    if not strategy:
        launch = service.get("LaunchType", None)
        if launch is None and task.items("RequiresCompatibilities") == ["FARGATE"]:
            launch = "FARGATE"
        return {"FARGATE": tasks} if launch == "FARGATE" else {}
    bases = sum(float(entry.get("Base", 0)) for entry in strategy)
    weights = sum(float(entry.get("Weight", 0)) for entry in strategy)

    def share(count: float, entry: dict[str, float]) -> float:
        # ECS fills the bases first; what is left goes by weight.
        base, weight = float(entry.get("Base", 0)), float(entry.get("Weight", 0))
        rest = max(0.0, count - bases) * weight / weights if weights else 0.0
        return min(base, count) + rest

    shares = {
        entry["CapacityProvider"]: Scale(
            share(tasks.minimum, entry), share(tasks.maximum, entry)
        )
        for entry in strategy
    }
    if unpriced := shares.keys() - {"FARGATE", "FARGATE_SPOT"}:
        names = ", ".join(sorted(map(str, unpriced)))
        raise AssemblyError(f"{service}: CapacityProviderStrategy: {names}: not priced")
    return shares


def _billed_hours(
    shares: dict[str, Scale], rates: Rates
) -> list[tuple[Scale, tuple[str, ...]]]:
    """Return on-demand task hours a month by provider; Spot's are discounted."""
    discount = rates.usage.spot_discount
    paid = Scale(1 - discount.minimum, 1 - discount.maximum)
    factors = {
        "FARGATE": (Scale.always(1), ()),
        "FARGATE_SPOT": (paid, ("spot_discount",)),
    }
    return [
        (tasks * factors[provider][0] * HOURS, factors[provider][1])
        for provider, tasks in shares.items()
    ]


def build_project(resource: Resource, rates: Rates) -> Estimate:
    size = resource.get("Environment.ComputeType")
    family = _CODEBUILD_FAMILIES.get(resource.get("Environment.Type"), "{}")
    machine = family.format(str(size).removeprefix("BUILD_GENERAL1_").lower())
    usage = rates.usage
    minutes = usage.builds_per_month * usage.minutes_per_build
    assumptions = ("builds_per_month", "minutes_per_build")
    charge = rates.charge("CodeBuild", machine, minutes, *assumptions)
    return Estimate(f"build project, {machine}", (charge,))


def function(resource: Resource, rates: Rates) -> Estimate:
    """Price a function by its assumed calls; CDK's own stand for custom resources."""
    usage = rates.usage
    memory_gb = resource.number("MemorySize", 128) / 1024
    kind = "ARM" if "arm64" in resource.items("Architectures") else "x86"
    gb_seconds = usage.lambda_calls * usage.lambda_seconds * memory_gb
    assumptions = ("lambda_calls", "lambda_seconds")
    compute = rates.charge("Lambda", f"compute {kind}", gb_seconds, *assumptions)
    calls = usage.lambda_calls * 1e-6
    requests = rates.charge("Lambda", "requests", calls, "lambda_calls")
    return Estimate(f"function, {memory_gb * 1024:g} MB {kind}", (compute, requests))
