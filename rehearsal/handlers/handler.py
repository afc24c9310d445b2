"""What MiniStack's CloudFormation calls to create and delete a resource."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rehearsal.account import Account

Properties = Mapping[str, Any]  # a resource's, intrinsic functions resolved
Created = tuple[str, dict[str, Any]]  # physical id, what Fn::GetAtt answers
Create = Callable[[Account, str, Properties, str], Created]
Delete = Callable[[Account, str, Properties], None]
Native = Callable[[str, Properties, str], Created]  # MiniStack's own way to create
Extend = Callable[[Account, Native], Native]
