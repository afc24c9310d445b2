"""An assembly as it would be deployed: every resource, its functions applied.

What only an account can tell stands there as `AWS::AccountId` does, by its name in
angle brackets, so that names made of it can still be compared.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from checks.finding import Finding
from costs.assembly import Assembly
from costs.intrinsics import resolve
from costs.reading import read_assembly
from costs.template import Template, Unknown

# The pseudo parameters that costs do not depend on, and names do.
_PSEUDO = ("AWS::AccountId", "AWS::StackName", "AWS::StackId", "AWS::URLSuffix")


@dataclass(frozen=True)
class Part:
    """One resource; `properties` are resolved, an Unknown where none could be."""

    stack: str
    stage: str
    logical_id: str
    path: str
    type: str
    properties: Mapping[str, Any]

    def get(self, dotted: str, default: Any = None) -> Any:
        """Return a property, `default` where it, or what holds it, is not there."""
        value: Any = self.properties
        for key in dotted.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        return default if value is None or isinstance(value, Unknown) else value

    def items(self, dotted: str) -> list[Any]:
        """Return a list, or the one thing that stands for a list of one."""
        value = self.get(dotted, [])
        return value if isinstance(value, list) else [value]

    def names(self, value: Any) -> bool:
        """Tell whether a resolved value is a Ref or Fn::GetAtt of this resource."""
        own = f"<{self.stack}.{self.logical_id}"
        return isinstance(value, str) and value.startswith((f"{own}>", f"{own}."))

    def is_in(self, value: Any) -> bool:
        """Tell whether a resolved value refers to this resource anywhere within."""
        own, text = f"<{self.stack}.{self.logical_id}", json.dumps(value, default=str)
        return f"{own}>" in text or f"{own}." in text

    def wrong(self, rule: str, name: str, says: str) -> Finding:
        """Return a finding about a property of this resource."""
        return Finding(
            self.stack, self.path, self.logical_id, "wiring", rule, name, says
        )


@dataclass(frozen=True)
class Deployed:
    """All that an assembly deploys."""

    parts: tuple[Part, ...]
    assembly: Assembly
    templates: Mapping[str, Path]  # stack name -> its file

    def of(self, *types: str) -> Iterator[Part]:
        return (part for part in self.parts if part.type in types)

    def named(self, value: Any, *types: str) -> Part | None:
        """Return the resource that a resolved value refers to, if it is one of ours."""
        return next((part for part in self.of(*types) if part.names(value)), None)

    def all_named(self, values: Iterable[Any], *types: str) -> list[Part]:
        found = (self.named(value, *types) for value in values)
        return [part for part in found if part is not None]


def read(directory: Path) -> Deployed:
    """Read what `cdk synth` wrote. Raises costs.assembly.AssemblyError."""
    assembly = read_assembly(directory)
    stacks = tuple(
        replace(stack, template=_written_out(stack.template))
        for stack in assembly.stacks
    )
    parts = (
        Part(
            stack.name,
            stack.stage,
            each.logical_id,
            each.path,
            each.type,
            resolve(dict(each.properties), each.template),
        )
        for stack in stacks
        for each in stack.resources
    )
    whole = replace(assembly, stacks=stacks)
    return Deployed(tuple(parts), whole, _templates(directory))


def _templates(directory: Path) -> dict[str, Path]:
    artifacts = json.loads((directory / "manifest.json").read_text())["artifacts"]
    return {
        artifact["properties"].get("stackName", id_): directory
        / artifact["properties"]["templateFile"]
        for id_, artifact in artifacts.items()
        if artifact["type"] == "aws:cloudformation:stack"
    }


def _written_out(template: Template) -> Template:
    body = json.loads(json.dumps(template.body), object_hook=_pseudo)
    return replace(template, body=body)


def _pseudo(value: dict[str, Any]) -> Any:
    known = set(value) == {"Ref"} and value["Ref"] in _PSEUDO
    return f"<{value['Ref']}>" if known else value
