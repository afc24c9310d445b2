"""Clusters with and without Container Insights."""

from __future__ import annotations

from costs.scale import Scale
from tests.costs.worked.subjects import Cases, always, one, service

CASES: Cases = {
    "a quiet cluster": (one("ECS::Cluster"), always(0)),
    "a watched cluster without services": (
        one(
            "ECS::Cluster",
            ClusterSettings=[{"Name": "containerInsights", "Value": "enabled"}],
        ),
        always(11 * 0.3),
    ),
    "a watched cluster that a service names by its ARN": (
        {
            **one(
                "ECS::Cluster",
                ClusterSettings=[{"Name": "containerInsights", "Value": "enabled"}],
            ),
            "Service": service(Cluster={"Fn::GetAtt": ["It", "Arn"]})["It"],
            "Task": service()["Task"],
        },
        Scale((11 + 25) * 0.3 + 0.05, (11 + 25) * 0.3 + 0.1, (11 + 25) * 0.3 + 0.25),
    ),
    "a watched cluster with a service": (
        {
            **one(
                "ECS::Cluster",
                ClusterName="c",
                ClusterSettings=[{"Name": "containerInsights", "Value": "enhanced"}],
            ),
            **{"Service": service(Cluster="c")["It"], "Task": service()["Task"]},
        },
        Scale(
            (23 + 157) * 0.07 + 0.05,
            (23 + 157) * 0.07 + 0.1,
            (23 + 157) * 0.07 + 0.25,
        ),
    ),
}
