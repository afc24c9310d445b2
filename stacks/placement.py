"""Where ECS places the tasks of an endpoint: Fargate, Spot, or a pool's instances."""

from __future__ import annotations

from typing import Any

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from stacks.addresses import Addresses
from stacks.names import Names
from stacks.settings.compute import FargateConfig
from stacks.settings.endpoint import TaskEndpoint
from stacks.settings.stage import StageConfig

FARGATE, FARGATE_SPOT = "FARGATE", "FARGATE_SPOT"
ZONES = "attribute:ecs.availability-zone"

Strategy = ecs.CapacityProviderStrategy


def place(
    scope: Construct,
    id_: str,
    *,
    stage: StageConfig,
    config: TaskEndpoint,
    names: Names,
    where: Addresses,
    **common: Any,
) -> ecs.FargateService | ecs.Ec2Service:
    """Return the service. `common` is what both kinds take: rollout, alarms, breaker.

    ECS runs tasks of managed instances as it runs those of Fargate. Tasks on instances
    have no public address and need none: the instance fetches image and writes log.
    """
    pool = stage.pool_of(config)
    cluster = ecs.Cluster.from_cluster_attributes(
        scope, "Cluster", cluster_name=names.cluster, vpc=where.vpc
    )
    common |= {
        "cluster": cluster,
        "propagate_tags": ecs.PropagatedTagSource.SERVICE,
        "enable_ecs_managed_tags": True,
        "capacity_provider_strategies": strategies(config, names),
        "vpc_subnets": ec2.SubnetSelection(subnets=list(where.subnets)),
    }
    if pool is None:
        return ecs.FargateService(scope, id_, assign_public_ip=where.public, **common)
    if pool.managed:
        return ecs.FargateService(scope, id_, **common)
    spread = ecs.PlacementStrategy.spread_across(ZONES)
    packed = ecs.PlacementStrategy.packed_by_memory()
    return ecs.Ec2Service(scope, id_, placement_strategies=[spread, packed], **common)


def strategies(config: TaskEndpoint, names: Names) -> list[Strategy]:
    """Return the shares of capacity, by the literal names that the cluster has."""
    compute = config.compute
    if not isinstance(compute, FargateConfig):
        return [Strategy(capacity_provider=names.pool(compute.pool), weight=1)]
    spot, base = compute.spot_percent, compute.on_demand_base
    shares = []
    if base or spot < 100:
        shares.append(Strategy(capacity_provider=FARGATE, base=base, weight=100 - spot))
    if spot:
        shares.append(Strategy(capacity_provider=FARGATE_SPOT, weight=spot))
    return shares
