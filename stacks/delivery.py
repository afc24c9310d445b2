"""The table of contents of what all stages share: from a push to a release."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from constructs import Construct

from stacks.build import BuildStack
from stacks.names import Names
from stacks.pipeline import PipelineStack
from stacks.registry import RegistryStack
from stacks.settings.deployment import Deployment
from stacks.tags import tag


class Delivery(Construct):
    """One for all stages: the very image that was tested in one is run by the next."""

    def __init__(
        self,
        scope: Construct,
        *,
        deployment: Deployment,
        running: Mapping[str, tuple[str, ...]],
    ) -> None:
        """`running` are the image tags that stages' releases name, by model."""
        super().__init__(scope, "delivery")
        config = deployment.delivery
        env = cdk.Environment(account=config.account, region=config.region)

        def common(what: str) -> dict[str, Any]:
            return {
                "deployment": deployment,
                "stack_name": Names("delivery").stack(what),
                "env": env,
            }

        registry = RegistryStack(
            self, "registry", running=running, **common("registry")
        )
        build = BuildStack(self, "build", **common("build"))
        pipeline = PipelineStack(self, "pipeline", **common("pipeline"))
        for later in (build, pipeline):
            later.add_stack_dependency(registry)
        tag(self, stage="delivery", owner=config.owner, cost_center=config.cost_center)
