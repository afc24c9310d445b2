"""Where tasks run: one ECS cluster a stage, on Fargate."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from stacks.names import Names
from stacks.settings.stage import StageConfig


class ClusterStack(cdk.Stack):
    """The plain resource: CDK's own Cluster would want a network, or make one."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        config: StageConfig,
        names: Names,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, id_, **kwargs)
        ecs.CfnCluster(
            self,
            "Cluster",
            cluster_name=names.cluster,
            cluster_settings=[
                ecs.CfnCluster.ClusterSettingsProperty(
                    name="containerInsights",
                    value=config.container_insights,
                )
            ],
        )
