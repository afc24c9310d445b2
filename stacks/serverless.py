"""The table of contents of a serverless endpoint: a model that a function answers for."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from constructs import Construct

from manifest import Manifest
from stacks.calls import Calls
from stacks.canary import AliasCanary
from stacks.function import ModelFunction
from stacks.function_alarms import FunctionAlarms, tell_of_canaries
from stacks.function_dashboard import FunctionDashboard
from stacks.names import Names
from stacks.release import told
from stacks.settings.delivery import DeliveryConfig
from stacks.settings.serverless import ServerlessConfig
from stacks.settings.stage import StageConfig
from stacks.tags import MODEL_TAG


class ServerlessStack(cdk.Stack):
    """A function behind an address of its own, whose alias a canary moves."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        delivery: DeliveryConfig,
        stage: StageConfig,
        config: ServerlessConfig,
        names: Names,
        release: Manifest,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, id_, **kwargs)
        common: dict[str, Any] = {"stage": stage, "config": config}
        model = ModelFunction(
            self, "Model", delivery=delivery, release=release, **common
        )
        calls = Calls(model.alias)
        alarms = FunctionAlarms(
            self, "Alarms", calls=calls, prefix=self.stack_name, **common
        )
        canary = AliasCanary(
            self,
            "Canary",
            alias=model.alias,
            alarms=alarms.rollback,
            config=config.canary,
        )
        tell_of_canaries(self, canary.application, alarms.wake)
        if config.watch.dashboard:
            FunctionDashboard(
                self,
                "Dashboard",
                release=release,
                calls=calls,
                wake=alarms.wake,
                log=model.log,
                **common,
            )
        cdk.Tags.of(self).add(MODEL_TAG, release.name)
        self.add_metadata("Lathe", told(config, release))
        cdk.CfnOutput(self, "Address", value=model.url)
