"""What delivers a model: builds and pipelines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from costs.assembly import AssemblyError, Resource
from costs.charges import Estimate, Rates
from costs.scale import Scale, counted

_FAMILIES = {
    "LINUX_CONTAINER": "general1.{} x86",
    "ARM_CONTAINER": "arm1.{}",
    "LINUX_GPU_CONTAINER": "gpu1.{}",
}
# A pipeline's actions that AWS does not charge for.
_FREE_ACTIONS = ("Approval",)

_Work = tuple[str, str]  # assumptions: how often a month, how many minutes
_BUILD: _Work = ("builds_per_month", "minutes_per_build")
_STEP: _Work = ("pipeline_runs_per_month", "minutes_per_pipeline_step")


def build_project(resource: Resource, rates: Rates) -> Estimate:
    """Price a project's builds, or its runs where it is a step of a pipeline."""
    machine, work = _machine(resource), _BUILD
    if _is_short(machine) and _is_a_step(resource, rates):
        work = _STEP
    charge = rates.charge("CodeBuild", machine, _minutes(work, rates), *work)
    return Estimate(f"build project, {machine}", (charge,))


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
    works = [_work(action, resource, rates) for action in charged]
    minutes = Scale.total(_minutes(work, rates) for work in works)
    names = dict.fromkeys(name for work in works for name in work)
    charge = rates.charge("CodePipeline", "V2 action execution", minutes, *names)
    return Estimate(f"pipeline of {counted(len(charged), 'paid action')}", (charge,))


def _work(action: Mapping[str, Any], pipeline: Resource, rates: Rates) -> _Work:
    """Return what an action's minutes rest on: those of the project that it starts."""
    started = _project_of(action)
    for project in rates.stack_of(pipeline).of_type("AWS::CodeBuild::Project"):
        if started in (project.get("Name", project.name), project.name):
            return _STEP if _is_short(_machine(project)) else _BUILD
    return _STEP


def _machine(project: Resource) -> str:
    size = str(project.get("Environment.ComputeType"))
    family = _FAMILIES.get(project.get("Environment.Type"), "{}")
    return family.format(size.removeprefix("BUILD_GENERAL1_").lower())


def _is_short(machine: str) -> bool:
    """Tell steps from builds: who asks for more than the least has more to do."""
    return ".small" in machine


def _is_a_step(project: Resource, rates: Rates) -> bool:
    """Tell whether a pipeline of the same stack runs the project."""
    names = (project.get("Name", project.name), project.name)
    return any(
        _project_of(action) in names
        for pipeline in rates.stack_of(project).of_type("AWS::CodePipeline::Pipeline")
        for action in _actions(pipeline)
    )


def _actions(pipeline: Resource) -> Iterator[Mapping[str, Any]]:
    for stage in pipeline.items("Stages"):
        yield from stage.get("Actions", [])


def _project_of(action: Mapping[str, Any]) -> Any:
    return action.get("Configuration", {}).get("ProjectName")


def _minutes(work: _Work, rates: Rates) -> Scale:
    many, long = work
    return rates.usage[many] * rates.usage[long]
