"""Read back what a deployment made, and compare it with the templates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rehearsal.account import Account
from rehearsal.assembly import Resource, Stack
from rehearsal.comparison import differences
from rehearsal.handlers import recorded_only
from rehearsal.readers import READERS, read
from rehearsal.readers.reading import Reading
from rehearsal.result import Checked, Finding
from rehearsal.template import Scope, UnresolvedError


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
    deployed: tuple[Deployed, ...]
    checked: tuple[Checked, ...]

    @property
    def images(self) -> dict[str, str]:
        """Image -> ARN of the task definition that was read back with it."""
        return {
            container["image"]: item.physical_id
            for item in self.deployed
            if item.resource.type == "AWS::ECS::TaskDefinition" and item.reading
            for container in item.reading.properties["ContainerDefinitions"]
        }


@dataclass(frozen=True)
class Left:
    """What is there after `cdk destroy`."""

    retained: tuple[str, ...]  # as its template asks
    removed: int
    findings: tuple[Finding, ...]  # what stayed or went against its template


def inspect(account: Account, stack: Stack) -> Inspection:
    """Read back every resource of a deployed stack, and compare it with its template.

    Resources left out by a false condition are not among them.
    """
    cloudformation = account.client("cloudformation")
    described = cloudformation.describe_stacks(StackName=stack.name)["Stacks"][0]
    pages = cloudformation.get_paginator("list_stack_resources")
    physical = {
        summary["LogicalResourceId"]: summary["PhysicalResourceId"]
        for page in pages.paginate(StackName=stack.name)
        for summary in page["StackResourceSummaries"]
    }
    references = {**_parameters(stack, described), **physical}
    scope = Scope(stack.name, references, {})
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
    whole = Scope(stack.name, references, attributes)
    return Inspection(stack, deployed, tuple(_check(item, whole) for item in deployed))


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
    readable = resource.type in READERS and not recorded_only(resource.type, given)
    reading = (
        read(account, resource.type, physical_id, given)
        if readable and physical_id
        else None
    )
    return Deployed(resource, physical_id, given, reading)


def _check(deployed: Deployed, scope: Scope) -> Checked:
    """Compare one resource, property by property, with its template."""
    resource = deployed.resource
    if recorded_only(resource.type, resource.properties):
        return Checked(resource, deployed.physical_id, "recorded only")
    if resource.type not in READERS:
        return Checked(resource, deployed.physical_id, "not covered")
    if deployed.reading is None:
        absent = _finding(resource, "the resource", "to be there", "nothing")
        return Checked(resource, deployed.physical_id, "different", findings=(absent,))
    compared: list[str] = []
    uncompared: dict[str, str] = {}
    findings: list[Finding] = []
    for name, value in resource.properties.items():
        if name not in deployed.reading.properties:
            uncompared[name] = "not read back"
            continue
        try:
            expected = scope.resolve(value)
        except UnresolvedError as error:
            uncompared[name] = f"{error} is not known here"
            continue
        compared.append(name)
        findings += _compare(
            resource, name, expected, deployed.reading.properties[name]
        )
    return Checked(
        resource,
        deployed.physical_id,
        "different" if findings else "read back",
        tuple(compared),
        uncompared,
        tuple(findings),
    )


def _compare(
    resource: Resource, name: str, expected: Any, found: Any
) -> Iterator[Finding]:
    for path, wanted, got in differences(expected, found, name):
        yield _finding(resource, path, wanted, got)


def _finding(resource: Resource, name: str, expected: Any, found: Any) -> Finding:
    return Finding(
        resource.stack, resource.logical_id, resource.type, name, expected, found
    )


def left_behind(account: Account, inspections: tuple[Inspection, ...]) -> Left:
    """Look for everything that was read back before its stack was destroyed."""
    retained: list[str] = []
    findings: list[Finding] = []
    seen = [i for each in inspections for i in each.deployed if i.reading is not None]
    for item in seen:
        resource = item.resource
        stays = read(account, resource.type, item.physical_id, item.given) is not None
        if stays and resource.retained:
            retained.append(f"{resource.stack} {resource.logical_id} ({resource.type})")
        elif stays != resource.retained:
            wanted, got = ("kept", "gone") if resource.retained else ("gone", "kept")
            findings.append(_finding(resource, "after destroy", wanted, got))
    return Left(tuple(retained), len(seen) - len(retained), tuple(findings))
