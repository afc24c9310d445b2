"""Read back what a deployment made, and compare it with the templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rehearsal.account import Account
from rehearsal.assembly import Resource, Stack
from rehearsal.handlers import recorded_only
from rehearsal.readers import READERS, read
from rehearsal.readers.reading import Reading
from rehearsal.result import Checked
from rehearsal.template import Scope, UnresolvedError
from rehearsal.verdict import check


@dataclass(frozen=True)
class Deployed:
    """One resource that CloudFormation says it made, and what a describe call says."""

    resource: Resource
    physical_id: str
    given: Mapping[str, Any]  # its properties as far as Refs resolve them
    reading: Reading | None


@dataclass(frozen=True)
class Inspection:
    """One stack after its deployment."""

    stack: Stack
    status: str  # as CloudFormation has it
    deployed: tuple[Deployed, ...]
    checked: tuple[Checked, ...]

    @property
    def images(self) -> dict[str, str]:
        """Image -> the task definition or function that was read back with it."""
        return {
            image: item.physical_id
            for item in self.deployed
            if item.reading
            for image in _images(item.resource.type, item.reading.properties)
        }


def _images(kind: str, found: Mapping[str, Any]) -> list[str]:
    if kind == "AWS::ECS::TaskDefinition":
        return [container["image"] for container in found["ContainerDefinitions"]]
    if kind == "AWS::Lambda::Function" and "Code" in found:
        return [found["Code"]["ImageUri"]]
    return []


def inspect(account: Account, stack: Stack) -> Inspection:
    """Read back every resource of a deployed stack, and compare it with its template.

    Resources left out by a false condition are not among them.
    """
    account = account.at(stack.environment)
    cloudformation = account.client("cloudformation")
    described = cloudformation.describe_stacks(StackName=stack.name)["Stacks"][0]
    pages = cloudformation.get_paginator("list_stack_resources")
    physical = {
        summary["LogicalResourceId"]: summary["PhysicalResourceId"]
        for page in pages.paginate(StackName=stack.name)
        for summary in page["StackResourceSummaries"]
    }
    references = {**_parameters(stack, described), **physical}
    scope = Scope(stack.name, account, references, {})
    deployed = tuple(
        _deployed(account, resource, physical.get(resource.logical_id, ""), scope)
        for resource in stack.resources
        if resource.logical_id in physical or not resource.conditional
    )
    attributes = {
        (item.resource.logical_id, name): value
        for item in deployed
        if item.reading
        for name, value in item.reading.attributes.items()
    }
    whole = Scope(stack.name, account, references, attributes)
    checked = (
        check(item.resource, item.physical_id, item.reading, whole) for item in deployed
    )
    return Inspection(stack, described["StackStatus"], deployed, tuple(checked))


def _parameters(stack: Stack, described: Mapping[str, Any]) -> dict[str, Any]:
    values = {}
    for parameter in described.get("Parameters", []):
        name = parameter["ParameterKey"]
        value = parameter.get("ResolvedValue", parameter["ParameterValue"])
        kind = stack.parameters.get(name, {}).get("Type", "String")
        values[name] = value.split(",") if "List" in kind else value
    return values


def _deployed(
    account: Account, resource: Resource, physical_id: str, scope: Scope
) -> Deployed:
    given = {}
    for name, value in resource.properties.items():
        try:
            given[name] = scope.resolve(value)
        except UnresolvedError:
            continue
    readable = resource.type in READERS and not recorded_only(
        resource.type, resource.properties
    )
    reading = None
    if readable and physical_id:
        reading = read(account, resource.type, physical_id, given)
    return Deployed(resource, physical_id, given, reading)
