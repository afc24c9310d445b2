"""CloudFormation's intrinsic functions, resolved to what the deployed stack answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rehearsal.account import Account

_NO_VALUE = object()
_PLACEHOLDER = re.compile(r"\$\{([^!}][^}]*)\}")


class UnresolvedError(LookupError):
    """A value that this rehearsal cannot work out, so cannot compare."""


@dataclass(frozen=True)
class Scope:
    """What a stack's references stand for: Ref by name, Fn::GetAtt by (name, attribute).

    Written apart from the emulator's own resolution, so that one checks the other.
    """

    stack: str
    account: Account
    references: Mapping[str, Any]
    attributes: Mapping[tuple[str, str], Any]

    def resolve(self, value: Any) -> Any:
        """Return the value with every intrinsic function worked out.

        Raises UnresolvedError naming the function or the name that is not known.
        """
        if isinstance(value, list):
            items = (self.resolve(item) for item in value)
            return [item for item in items if item is not _NO_VALUE]
        if isinstance(value, str) and "{{resolve:" in value:
            raise UnresolvedError("dynamic reference")
        if not isinstance(value, Mapping):
            return value
        if len(value) == 1 and (key := next(iter(value))).startswith(("Ref", "Fn::")):
            return self._call(key, value[key])
        resolved = {key: self.resolve(inner) for key, inner in value.items()}
        return {key: item for key, item in resolved.items() if item is not _NO_VALUE}

    def _call(self, function: str, argument: Any) -> Any:
        if function == "Ref":
            return self._reference(argument)
        if function == "Fn::GetAtt":
            return self._attribute(argument[0], argument[1])
        if function == "Fn::Sub" and isinstance(argument, str):
            return _PLACEHOLDER.sub(lambda found: self._named(found[1]), argument)
        if function == "Fn::Join":
            return str(argument[0]).join(
                str(part) for part in self.resolve(argument[1])
            )
        if function == "Fn::Split":
            return self.resolve(argument[1]).split(argument[0])
        if function == "Fn::Select":
            return self.resolve(argument[1])[int(argument[0])]
        raise UnresolvedError(function)

    def _reference(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NO_VALUE
        if name == "AWS::StackName":
            return self.stack
        pseudo = {
            "AWS::AccountId": self.account.id,
            "AWS::Partition": "aws",
            "AWS::Region": self.account.region,
            "AWS::URLSuffix": "amazonaws.com",
        }
        known = {**pseudo, **self.references}
        if name not in known:
            raise UnresolvedError(f"Ref {name}")
        return known[name]

    def _attribute(self, name: str, attribute: str) -> Any:
        if (name, attribute) not in self.attributes:
            raise UnresolvedError(f"Fn::GetAtt {name}.{attribute}")
        return self.attributes[name, attribute]

    def _named(self, text: str) -> str:
        name, dot, attribute = text.partition(".")
        return str(self._attribute(name, attribute) if dot else self._reference(name))
