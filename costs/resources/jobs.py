"""Compute environments of AWS Batch: what their jobs run on, and only while they do."""

from __future__ import annotations

from costs.assembly import AssemblyError, Resource
from costs.charges import Estimate, Rates
from costs.fargate import FargateSize
from costs.resources import instances

_FARGATE = {
    "FARGATE": "savings_plan_discount",
    "FARGATE_SPOT": "spot_discount",
}


def compute_environment(resource: Resource, rates: Rates) -> Estimate:
    """Price the hours of a job's tasks, of the size that its definition gives them."""
    kind = resource.get("ComputeResources.Type")
    if kind not in _FARGATE:
        return instances.compute_environment(resource, rates)
    definition = _definition(resource, rates)
    needs = {
        each["Type"]: float(each["Value"])
        for each in definition.items("ContainerProperties.ResourceRequirements")
    }
    size = FargateSize(round(needs["VCPU"] * 1024), int(needs["MEMORY"]))
    platform = "ContainerProperties.RuntimePlatform.CpuArchitecture"
    processor = "ARM" if definition.get(platform, "X86_64") == "ARM64" else "x86"
    discount = _FARGATE[kind]
    charges = tuple(
        rates.charge(
            "Fargate",
            f"{item} {processor}",
            rates.usage["job_task_hours"] * each,
            "job_task_hours",
        ).less(rates.usage[discount], discount)
        for item, each in (("vCPU", size.vcpu), ("memory", size.memory_gib))
    )
    spot = " Spot" if kind == "FARGATE_SPOT" else ""
    return Estimate(
        f"tasks of jobs, Fargate{spot} {size.vcpu:g} vCPU {size.memory_gib:g} GB "
        f"{processor}; none while no job is there",
        charges,
    )


def _definition(resource: Resource, rates: Rates) -> Resource:
    """Return the stack's definition of a job on Fargate."""
    for found in rates.stack_of(resource).of_type("AWS::Batch::JobDefinition"):
        if found.items("PlatformCapabilities") == ["FARGATE"]:
            return found
    raise AssemblyError(
        f"{resource}: no AWS::Batch::JobDefinition on Fargate beside it"
    )
