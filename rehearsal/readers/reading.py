"""What a describe call answered about one resource, in the template's spelling."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from rehearsal.account import Account

Properties = Mapping[str, Any]
Item = TypeVar("Item")
_NOT_FOUND = re.compile(r"NotFound|NoSuch|NotExist|Non[Ee]xistent|^404$")


@dataclass(frozen=True)
class Reading:
    """The properties that this reader vouches for, and what Fn::GetAtt answers.

    A property that a template sets and `properties` lacks is not compared, and the
    report says so. Names of nested members may differ in case from the template's.
    """

    properties: Properties
    attributes: Properties = field(default_factory=dict)


class AtLeast(list[Any]):
    """A list that may hold more than the template asked for: tags, rules, attributes."""


class AbsentError(LookupError):
    """The resource is not there (any more)."""


Reader = Callable[[Account, str, Properties], Reading]


def the_only(items: Sequence[Item]) -> Item:
    """Return the one item that was asked for by id; raises AbsentError without it."""
    if not items:
        raise AbsentError
    return items[0]


def is_absence(error: ClientError) -> bool:
    """Say whether an AWS error means that there is no such thing."""
    return bool(_NOT_FOUND.search(error.response["Error"]["Code"]))


def optional(call: Callable[..., Any], **request: Any) -> dict[str, Any]:
    """Return the answer about a part that a resource may lack, or nothing."""
    try:
        answer: dict[str, Any] = call(**request)
    except ClientError as error:
        if not is_absence(error):
            raise
        return {}
    return answer
