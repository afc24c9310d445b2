"""Compute environments of jobs on Fargate: ten hours of tasks as expected, none at least."""

from __future__ import annotations

from typing import Any

from costs.scale import Scale
from tests.costs.samples import Resources, resource
from tests.costs.worked.subjects import Cases

X86 = 1 * 0.04048 + 2 * 0.004445  # an hour of 1 vCPU and 2 GB
ARM = 1 * 0.03238 + 2 * 0.00356


def job(kind: str, **platform: Any) -> Resources:
    """An environment `It`, with the definition of its tasks."""
    needs = [{"Type": "VCPU", "Value": "1"}, {"Type": "MEMORY", "Value": "2048"}]
    container = {"ResourceRequirements": needs, **platform}
    return {
        "It": resource("Batch::ComputeEnvironment", ComputeResources={"Type": kind}),
        "Other": resource("Batch::JobDefinition", PlatformCapabilities=["EC2"]),
        "Definition": resource(
            "Batch::JobDefinition",
            PlatformCapabilities=["FARGATE"],
            ContainerProperties=container,
        ),
    }


CASES: Cases = {
    "tasks of jobs": (job("FARGATE"), Scale(0, 10 * X86, 100 * X86)),
    "tasks of jobs on ARM": (
        job("FARGATE", RuntimePlatform={"CpuArchitecture": "ARM64"}),
        Scale(0, 10 * ARM, 100 * ARM),
    ),
}
