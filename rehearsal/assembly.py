"""A synthesized cloud assembly: stacks, and the resources their templates name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal.account import RehearsalError

# A resource under any other policy must be gone after `cdk destroy`.
_RETAINED = frozenset({"Retain", "RetainExceptOnCreate", "Snapshot"})


@dataclass(frozen=True)
class Resource:
    """One resource as a template asks for it, intrinsic functions unresolved."""

    stack: str
    logical_id: str
    type: str
    properties: Mapping[str, Any]
    retained: bool  # stays when its stack goes
    conditional: bool  # a false condition leaves it out


@dataclass(frozen=True)
class Stack:
    """One stack as CloudFormation knows it; `path` is how the CDK CLI names it."""

    name: str
    path: str  # dev/network
    environment: str  # aws://ACCOUNT/REGION; unknown-account is any
    parameters: Mapping[str, Any]
    resources: tuple[Resource, ...]

    @property
    def stage(self) -> str:
        return self.path.split("/")[0]


def read_assembly(directory: Path) -> tuple[Stack, ...]:
    """Read all stacks, those of nested assemblies included, in the order written.

    Raises RehearsalError naming the file that is missing or not of an assembly.
    """
    try:
        return tuple(_stacks(directory))
    except (OSError, ValueError, KeyError) as error:
        raise RehearsalError(f"{directory}: not a cloud assembly: {error}") from error


def _stacks(directory: Path) -> Iterator[Stack]:
    manifest = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
    for id_, artifact in manifest.get("artifacts", {}).items():
        properties = artifact.get("properties", {})
        if artifact["type"] == "cdk:cloud-assembly":
            yield from _stacks(directory / properties["directoryName"])
        if artifact["type"] == "aws:cloudformation:stack":
            file = directory / properties["templateFile"]
            template = json.loads(file.read_text(encoding="utf-8"))
            name = properties.get("stackName", id_)
            yield Stack(
                name,
                artifact.get("displayName", name),
                artifact.get("environment", ""),
                template.get("Parameters", {}),
                tuple(_resources(name, template)),
            )


def _resources(stack: str, template: Mapping[str, Any]) -> Iterator[Resource]:
    for logical_id, resource in template.get("Resources", {}).items():
        yield Resource(
            stack,
            logical_id,
            resource["Type"],
            resource.get("Properties", {}),
            resource.get("DeletionPolicy", "Delete") in _RETAINED,
            "Condition" in resource,
        )
