"""What a cluster is charged for: nothing, unless Container Insights watches it."""

from __future__ import annotations

from costs.assembly import Resource
from costs.charges import Charge, Estimate, Rates
from costs.scale import counted


def cluster(resource: Resource, rates: Rates) -> Estimate:
    """A cluster is free; what Container Insights measures in it is not."""
    settings = resource.items("ClusterSettings")
    values = {setting.get("Name"): setting.get("Value") for setting in settings}
    insights = values.get("containerInsights")
    if insights not in ("enabled", "enhanced"):
        return Estimate("no Container Insights")
    services = _services(resource, rates)
    prefix, item = (
        ("enhanced_metrics", "enhanced observability (ECS)")
        if insights == "enhanced"
        else ("insights_metrics", "standard (ECS)")
    )
    per_cluster, per_service = f"{prefix}_per_cluster", f"{prefix}_per_service"
    usage = rates.usage
    metrics = usage[per_cluster] + usage[per_service] * services
    charges: tuple[Charge, ...] = (
        rates.charge("Container Insights", item, metrics, per_cluster, per_service),
        rates.charge(
            "CloudWatch",
            "logs ingestion, standard",
            usage.insights_log_gb * services,
            "insights_log_gb",
        ),
    )
    return Estimate(
        f"Container Insights {insights}, {counted(services, 'service')}", charges
    )


def _services(cluster: Resource, rates: Rates) -> int:
    names = {cluster.name, cluster.get("ClusterName", cluster.name)}
    names.add(f"{cluster.name[:-1]}.Arn>")
    return sum(
        service.get("Cluster", None) in names
        for stack in rates.assembly.stacks
        for service in stack.of_type("AWS::ECS::Service")
    )
