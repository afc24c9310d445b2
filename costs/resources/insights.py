"""What a cluster is charged for: nothing, unless Container Insights watches it."""

from __future__ import annotations

from costs.assembly import Resource
from costs.charges import Estimate, Rates
from costs.scale import counted


def cluster(resource: Resource, rates: Rates) -> Estimate:
    """A cluster is free; what Container Insights measures in it is not."""
    settings = resource.items("ClusterSettings")
    values = {setting.get("Name"): setting.get("Value") for setting in settings}
    insights = values.get("containerInsights")
    if insights not in ("enabled", "enhanced"):
        return Estimate("no Container Insights")
    enhanced = insights == "enhanced"
    item = "enhanced observability (ECS)" if enhanced else "standard (ECS)"
    prefix = "enhanced_metrics" if enhanced else "insights_metrics"
    per_cluster, per_service = f"{prefix}_per_cluster", f"{prefix}_per_service"
    usage, services = rates.usage, _services(resource, rates)
    charges = [
        rates.charge("Container Insights", item, usage[per_cluster], per_cluster)
    ]
    if services:
        metrics = usage[per_service] * services
        events = usage.insights_log_gb * services
        logged = "logs ingestion, standard"
        charges += [
            rates.charge("Container Insights", item, metrics, per_service),
            rates.charge("CloudWatch", logged, events, "insights_log_gb"),
        ]
    watched = counted(services, "service")
    return Estimate(f"Container Insights {insights}, {watched}", tuple(charges))


def _services(cluster: Resource, rates: Rates) -> int:
    names = {cluster.name, cluster.get("ClusterName", cluster.name)}
    names.add(f"{cluster.name[:-1]}.Arn>")
    return sum(
        service.get("Cluster", None) in names
        for stack in rates.assembly.stacks
        for service in stack.of_type("AWS::ECS::Service")
    )
