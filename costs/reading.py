"""Read a CDK cloud assembly: manifest.json, nested assemblies, templates."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from costs.assembly import Assembly, AssemblyError, Stack, as_cloudformation_has_it
from costs.intrinsics import resolve
from costs.template import Template, Unknown

_PARAMETER = "AWS::SSM::Parameter"


def read_assembly(directory: Path) -> Assembly:
    """Read every stack of every stage in a directory that `cdk synth` wrote.

    SSM parameters that one stack writes and another reads resolve across stacks, in
    the same stage first. Raises AssemblyError naming the file and what is wrong.
    """
    stacks: list[Stack] = []

    def ssm(stage: str, name: Any) -> Any:
        nearest = sorted(stacks, key=lambda stack: stack.stage != stage)
        for stack in nearest:
            for body in stack.template.section("Resources").values():
                if body.get("Type") != _PARAMETER:
                    continue
                properties = body.get("Properties", {})
                if resolve(properties.get("Name"), stack.template) == name:
                    return resolve(properties.get("Value"), stack.template)
        return Unknown(f"no stack of the assembly writes the SSM parameter {name}")

    with as_cloudformation_has_it(directory):
        stacks.extend(_stacks(directory, "", ssm))
    if not stacks:
        raise AssemblyError(f"{directory}: holds no stack")
    return Assembly(directory, tuple(stacks))


def _stacks(directory: Path, stage: str, ssm: Any) -> Iterator[Stack]:
    artifacts = _json(directory / "manifest.json").get("artifacts", {})
    for id_, artifact in artifacts.items():
        kind, properties = artifact.get("type"), artifact.get("properties", {})
        if kind == "cdk:cloud-assembly":
            nested = directory / properties["directoryName"]
            display = str(properties.get("displayName", nested.name))
            yield from _stacks(nested, display, ssm)
        elif kind == "aws:cloudformation:stack":
            yield _stack(directory, stage, id_, artifact, ssm)


def _stack(
    directory: Path, stage: str, id_: str, artifact: Mapping[str, Any], ssm: Any
) -> Stack:
    properties = artifact["properties"]
    path = directory / properties["templateFile"]
    body = _json(path)
    display = str(artifact.get("displayName", ""))
    name = str(properties.get("stackName", id_))  # left out where they are the same
    # A stage is a nested assembly, or a plain construct around its stacks.
    stage = display.rpartition("/")[0] or stage
    region = artifact.get("environment", "").rpartition("/")[2]
    if region in ("", "unknown-region"):
        raise AssemblyError(f"{path}: stack {name} has no region: set its env")
    template = Template(name, region, body, lambda wanted: ssm(stage, wanted))
    return Stack(name, stage, template, _paths(directory, artifact, body, display))


def _paths(
    directory: Path, artifact: Mapping[str, Any], body: Mapping[str, Any], display: str
) -> dict[str, str]:
    """Return construct paths by logical id: these survive a renamed resource.

    They stand in the template if the CDK CLI wrote it, in the metadata always.
    """
    metadata = dict(artifact.get("metadata", {}))
    if "additionalMetadataFile" in artifact:
        metadata |= _json(directory / artifact["additionalMetadataFile"])
    paths = {
        entry["data"]: path
        for path, entries in metadata.items()
        for entry in entries
        if entry.get("type") == "aws:cdk:logicalId"
    }
    for logical_id, resource in body.get("Resources", {}).items():
        if path := resource.get("Metadata", {}).get("aws:cdk:path"):
            paths[logical_id] = path
    return {name: _within(path.strip("/"), display) for name, path in paths.items()}


def _within(path: str, display: str) -> str:
    """Drop what every path of the stack repeats."""
    return path.removeprefix(f"{display}/").removesuffix("/Resource") or path


def _json(path: Path) -> dict[str, Any]:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AssemblyError(
            f"{path}: no such file; is it a `cdk synth` output?"
        ) from None
    except OSError as error:
        raise AssemblyError(f"{path}: {error.strerror}") from None
    except (RecursionError, ValueError) as error:
        raise AssemblyError(f"{path}: cannot be read as JSON: {error}") from error
    if not isinstance(raw, dict):
        raise AssemblyError(f"{path}: not a table")
    return raw
