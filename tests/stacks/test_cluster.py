"""Where tasks run."""

from __future__ import annotations

from pathlib import Path

from tests.stacks.conftest import STAGES, only, template


def test_a_cluster_is_watched_where_the_stage_pays_for_it(assembly: Path) -> None:
    for stage in STAGES:
        cluster = only(template(assembly, f"{stage.name}-cluster"), "AWS::ECS::Cluster")
        (setting,) = cluster["ClusterSettings"]
        assert setting["Value"] == stage.container_insights
