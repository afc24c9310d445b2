"""Where tasks run."""

from __future__ import annotations

from pathlib import Path

from tests.stacks.conftest import STAGES, only, template


def test_a_cluster_is_watched_where_the_stage_pays_for_it(assembly: Path) -> None:
    for stage in STAGES:
        cluster = only(template(assembly, f"{stage.name}-cluster"), "AWS::ECS::Cluster")
        (setting,) = cluster["ClusterSettings"]
        assert setting["Value"] == stage.container_insights


def test_services_find_the_capacity_they_name(assembly: Path) -> None:
    """A service that names another is refused by ECS, late in its deployment."""
    for stage in STAGES:
        found = template(assembly, f"{stage.name}-cluster")
        joined = only(found, "AWS::ECS::ClusterCapacityProviderAssociations")
        names = [
            each
            if isinstance(each, str)
            else found["Resources"][each["Ref"]]["Properties"]["Name"]
            for each in joined["CapacityProviders"]
        ]
        pools = [
            f"lathe-{stage.name}-{pool.name}"
            for pool in stage.pools
            if not pool.managed  # those join by themselves, and ECS refuses them here
        ]
        assert names == ["FARGATE", "FARGATE_SPOT", *pools]
        assert joined["DefaultCapacityProviderStrategy"] == [
            {"CapacityProvider": "FARGATE", "Weight": 1}
        ]


def test_a_cluster_without_pools_waits_for_no_network(assembly: Path) -> None:
    for stage in STAGES:
        read = template(assembly, f"{stage.name}-cluster").get("Parameters", {})
        named = [each.get("Default", "") for each in read.values()]
        wanted = any("/network/" in name for name in named)
        assert wanted is bool(stage.pools)
