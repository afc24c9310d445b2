"""A CloudFormation template, and how its resources and unknowns are written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Unknown:
    """A value that the templates alone do not tell, and why."""

    reason: str


class _NoValue:
    """What `AWS::NoValue` is: the property is not there."""


NO_VALUE = _NoValue()


@dataclass(frozen=True)
class Template:
    """One stack's template and what its functions may look up."""

    stack: str
    region: str
    body: Mapping[str, Any]
    ssm: Callable[[str], Any]  # name of a parameter -> its resolved value

    def section(self, name: str) -> Mapping[str, Any]:
        section: Mapping[str, Any] = self.body.get(name, {})
        return section


def resource_name(stack: str, logical_id: str, attribute: str = "") -> str:
    """Return the name that `Ref` (or `Fn::GetAtt`) of a resource resolves to."""
    return f"<{stack}.{logical_id}{'.' * bool(attribute)}{attribute}>"
