"""The tags that a bill is cut up by."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import IConstruct


def tag(scope: IConstruct, *, stage: str, owner: str, cost_center: str) -> None:
    """Tag everything below that can be tagged. AWS bills by tags once activated."""
    tags = cdk.Tags.of(scope)
    tags.add("project", "lathe")
    tags.add("stage", stage)
    tags.add("owner", owner)
    tags.add("cost-center", cost_center)
