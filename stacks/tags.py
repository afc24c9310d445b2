"""The tags that a bill is cut up by."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import IConstruct

STAGE_TAG = "stage"
MODEL_TAG = "model"  # of what an endpoint or a model's build has for itself

# What a person activates, once, for AWS to bill by; see the output of a budget stack.
COST_TAGS = ("project", STAGE_TAG, "owner", "cost-center", MODEL_TAG)


def tag(scope: IConstruct, *, stage: str, owner: str, cost_center: str) -> None:
    """Tag everything below that can be tagged. AWS bills by tags once activated."""
    tags = cdk.Tags.of(scope)
    tags.add("project", "lathe")
    tags.add(STAGE_TAG, stage)
    tags.add("owner", owner)
    tags.add("cost-center", cost_center)
