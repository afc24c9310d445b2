"""Where tasks run: one ECS cluster a stage, on Fargate and on pools of instances."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from stacks.addresses import read_addresses
from stacks.capacity import ManagedPool, Pool
from stacks.names import Names
from stacks.placement import FARGATE, FARGATE_SPOT
from stacks.settings.stage import StageConfig


class ClusterStack(cdk.Stack):
    """The plain resource: CDK's own Cluster would want a network, or make one.

    Services name their capacity: FARGATE, FARGATE_SPOT, or the name of a pool.
    """

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
        cluster = ecs.CfnCluster(
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
        pools = _pools(cluster, config, names) if config.pools else []
        kinds = ecs.CfnClusterCapacityProviderAssociations
        capacity = kinds(
            self,
            "Capacity",
            cluster=cluster.ref,
            # Managed ones join by themselves, and ECS refuses them here.
            capacity_providers=[
                FARGATE,
                FARGATE_SPOT,
                *(
                    pool.provider.capacity_provider_name
                    for pool in pools
                    if isinstance(pool, Pool)
                ),
            ],
            default_capacity_provider_strategy=[
                kinds.CapacityProviderStrategyProperty(
                    capacity_provider=FARGATE, weight=1
                )
            ],
        )
        for pool in pools:  # ECS changes a cluster's capacity one thing at a time
            capacity.node.add_dependency(pool)


def _pools(
    cluster: ecs.CfnCluster, config: StageConfig, names: Names
) -> list[Pool | ManagedPool]:
    """Add the pools. They join when the cluster is there, and go before it does."""
    stack = cluster.stack
    where = read_addresses(stack, config, names)
    joined = ecs.Cluster.from_cluster_attributes(
        stack, "Joined", cluster_name=names.cluster, vpc=where.vpc
    )
    pools = []
    for each in config.pools:
        kind = ManagedPool if each.managed else Pool
        pool = kind(
            stack,
            f"Pool-{each.name}",
            config=each,
            name=names.pool(each.name),
            cluster=joined,
            where=where,
        )
        pool.node.add_dependency(cluster)
        pools.append(pool)
    return pools
