"""What MiniStack's CloudFormation calls to create, update and delete a resource."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rehearsal.account import Account

Properties = Mapping[str, Any]  # a resource's, intrinsic functions resolved
Created = tuple[str, dict[str, Any]]  # physical id, what Fn::GetAtt answers
Create = Callable[[Account, str, Properties, str], Created]
Update = Callable[[Account, str, Properties, Properties], Created]
Delete = Callable[[Account, str, Properties], None]
Native = Callable[[str, Properties, str], Created]  # MiniStack's own way to create
Extend = Callable[[Account, Native], Native]
Check = Callable[[Account, Properties], None]


@dataclass(frozen=True)
class Handler:
    """How a type comes and goes.

    Without `update` a changed resource is created anew; another physical id then is a
    replacement, and CloudFormation deletes the old one.
    """

    create: Create
    delete: Delete | None = None  # None: MiniStack's own way
    update: Update | None = None
