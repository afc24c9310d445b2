"""A CDK cloud assembly (`cdk.out`): its stages, stacks and resources."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from costs.intrinsics import condition, resolve
from costs.template import NO_VALUE, Template, Unknown, resource_name

MODEL_TAG = "model"  # of what one model has for itself

_REQUIRED = object()
_MOST = 1e9  # of anything that a template counts


class AssemblyError(ValueError):
    """An assembly that cannot be read, or that does not tell what a price needs."""


@contextmanager
def as_cloudformation_has_it(what: object) -> Iterator[None]:
    """Make one error, that names `what`, of whatever an odd template runs into.

    Templates are nested tables of anything; each of their readers takes for granted what
    CloudFormation would refuse to deploy otherwise.
    """
    try:
        yield
    except ValueError as error:
        if type(error) is not ValueError:  # ours says what is wrong
            raise
        raise AssemblyError(
            f"{what}: not as CloudFormation has it ({error})"
        ) from error
    except RecursionError:
        raise AssemblyError(f"{what}: nested too deeply, or in a circle") from None
    except (ArithmeticError, AttributeError, LookupError, TypeError) as error:
        kind = type(error).__name__
        raise AssemblyError(
            f"{what}: not as CloudFormation has it ({kind}: {error})"
        ) from error


def amount(where: str, value: Any) -> float:
    """Return how many of something a template says; CloudFormation lets it be text.

    Raises AssemblyError naming where, the value and the bound.
    """
    try:
        found = float(value)
    except (OverflowError, TypeError, ValueError):
        raise AssemblyError(f"{where}: {str(value)[:40]!r} is no number") from None
    if not 0 <= found <= _MOST:
        raise AssemblyError(f"{where}: {found:g} is not from 0 to {_MOST:g}")
    return found


@dataclass(frozen=True)
class Resource:
    """One resource of one template."""

    template: Template
    logical_id: str
    path: str  # of its construct within the stack, or the logical id
    type: str
    properties: Mapping[str, Any]

    def get(self, dotted: str, default: Any = _REQUIRED) -> Any:
        """Return a property, resolved; `default` stands for one that is not set.

        Raises AssemblyError naming stack, resource and property.
        """
        value: Any = self.properties
        for key in dotted.split("."):
            if isinstance(value, dict):
                value = resolve(value.get(key, NO_VALUE), self.template)
        if isinstance(value, Unknown):
            raise AssemblyError(f"{self}: {dotted}: {value.reason}")
        if value is not NO_VALUE:
            return value
        if default is _REQUIRED:
            raise AssemblyError(f"{self}: {dotted}: not set")
        return default

    def number(self, dotted: str, default: Any = _REQUIRED) -> float:
        """Return a property as a number; CloudFormation lets it be text."""
        return amount(f"{self}: {dotted}", self.get(dotted, default))

    def items(self, dotted: str) -> list[Any]:
        """Return a list property; one that is not set is empty."""
        value = self.get(dotted, [])
        if not isinstance(value, list):
            raise AssemblyError(f"{self}: {dotted}: {value!r} is no list")
        return value

    def tag(self, key: str) -> str:
        """Return the value of a tag, "" where the resource does not carry it."""
        return self.tags.get(key, "")

    @cached_property
    def tags(self) -> Mapping[str, str]:
        """Return the tags that the template gives it, in either of AWS's two forms."""
        tags = self.get("Tags", [])
        if isinstance(tags, list):
            tags = {each["Key"]: each["Value"] for each in tags}
        return {
            str(key): "" if isinstance(value, Unknown) else str(value)
            for key, value in tags.items()
        }

    @property
    def name(self) -> str:
        """What `Ref` of this resource resolves to."""
        return resource_name(self.template.stack, self.logical_id)

    def is_named_in(self, value: Any) -> bool:
        """Tell whether a resolved value refers to this resource."""
        text = json.dumps(value, default=str)
        return self.name[:-1] + ">" in text or self.name[:-1] + "." in text

    def __str__(self) -> str:
        return f"{self.template.stack}: {self.path} ({self.type}, {self.logical_id})"


@dataclass(frozen=True)
class Stack:
    name: str
    stage: str  # "" for a stack outside any stage
    template: Template
    paths: Mapping[str, str]  # logical id -> construct path

    @property
    def region(self) -> str:
        return self.template.region

    @cached_property
    def resources(self) -> tuple[Resource, ...]:
        """Return the resources that exist: those whose condition holds."""
        return tuple(self._resources())

    def of_type(self, kind: str) -> tuple[Resource, ...]:
        return tuple(found for found in self.resources if found.type == kind)

    def model(self, resource: Resource) -> str:
        """Return the model that a resource is there for, "" for what models share.

        What carries no tags at all is there for the one model of its stack.
        """
        if "Tags" in resource.properties or len(self._models) != 1:
            return resource.tag(MODEL_TAG)
        return self._models[0]

    @cached_property
    def _models(self) -> tuple[str, ...]:
        return tuple({name for each in self.resources if (name := each.tag(MODEL_TAG))})

    def _resources(self) -> Iterator[Resource]:
        for logical_id, body in self.template.section("Resources").items():
            path = self.paths.get(logical_id, logical_id)
            kind, properties = body.get("Type"), body.get("Properties", {})
            if not isinstance(kind, str) or not isinstance(properties, dict):
                raise AssemblyError(f"{self.name}: {logical_id}: not a resource")
            resource = Resource(self.template, logical_id, path, kind, properties)
            exists = (
                condition(body["Condition"], self.template)
                if "Condition" in body
                else True
            )
            if isinstance(exists, Unknown):
                raise AssemblyError(f"{resource}: Condition: {exists.reason}")
            if exists:
                yield resource


@dataclass(frozen=True)
class Assembly:
    directory: Path
    stacks: tuple[Stack, ...]

    @property
    def stages(self) -> tuple[str, ...]:
        return tuple(sorted({stack.stage for stack in self.stacks}))

    def stage(self, name: str) -> Assembly:
        """Return the stacks of one stage; none if there is no such stage."""
        kept = tuple(stack for stack in self.stacks if stack.stage == name)
        return Assembly(self.directory, kept)
