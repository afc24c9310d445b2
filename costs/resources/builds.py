"""What delivers a model: builds, pipelines, functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from costs.assembly import AssemblyError, Resource
from costs.charges import Estimate, Rates
from costs.scale import counted

_FAMILIES = {
    "LINUX_CONTAINER": "general1.{} x86",
    "ARM_CONTAINER": "arm1.{}",
    "LINUX_GPU_CONTAINER": "gpu1.{}",
}
# A pipeline's actions that AWS does not charge for.
_FREE_ACTIONS = ("Approval",)


def build_project(resource: Resource, rates: Rates) -> Estimate:
    """Price a project's builds: as many as its pipeline's runs if it has one."""
    size = resource.get("Environment.ComputeType")
    family = _FAMILIES.get(resource.get("Environment.Type"), "{}")
    machine = family.format(str(size).removeprefix("BUILD_GENERAL1_").lower())
    many, long = "builds_per_month", "minutes_per_build"
    if _is_a_step(resource, rates):
        many, long = "pipeline_runs_per_month", "minutes_per_pipeline_step"
    minutes = rates.usage[many] * rates.usage[long]
    charge = rates.charge("CodeBuild", machine, minutes, many, long)
    return Estimate(f"build project, {machine}", (charge,))


def _is_a_step(project: Resource, rates: Rates) -> bool:
    """Tell whether a pipeline of the same stack runs the project."""
    name = project.get("Name", project.name)
    return any(
        action.get("Configuration", {}).get("ProjectName") in (name, project.name)
        for pipeline in rates.stack_of(project).of_type("AWS::CodePipeline::Pipeline")
        for action in _actions(pipeline)
    )


def pipeline(resource: Resource, rates: Rates) -> Estimate:
    """Price the minutes of a V2 pipeline's actions; approvals cost nothing."""
    kind = resource.get("PipelineType")
    if kind != "V2":
        raise AssemblyError(f"{resource}: PipelineType: {kind!r}: only V2 is priced")
    charged = [
        action
        for action in _actions(resource)
        if action["ActionTypeId"]["Category"] not in _FREE_ACTIONS
    ]
    many, long = "pipeline_runs_per_month", "minutes_per_pipeline_step"
    minutes = rates.usage[many] * rates.usage[long] * len(charged)
    charge = rates.charge("CodePipeline", "V2 action execution", minutes, many, long)
    return Estimate(f"pipeline of {counted(len(charged), 'paid action')}", (charge,))


def _actions(pipeline: Resource) -> Iterator[Mapping[str, Any]]:
    for stage in pipeline.items("Stages"):
        yield from stage.get("Actions", [])


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
