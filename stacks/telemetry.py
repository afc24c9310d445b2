"""What tasks report of themselves: how many, how full, and at what price."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecs as ecs

from costs.hourly import fargate_dollars, instance_dollars
from manifest import Manifest
from stacks.settings.compute import FargateConfig
from stacks.settings.endpoint import TaskEndpoint
from stacks.settings.stage import StageConfig
from stacks.size import task_size
from stacks.traffic import MINUTE, Traffic

# The server writes these into its log, in CloudWatch's embedded metric format.
SERVER = "Lathe"
HOUR = cdk.Duration.hours(1)


def running(
    service: ecs.BaseService, period: cdk.Duration = MINUTE
) -> cloudwatch.IMetric:
    """Tasks that run, of both revisions: each is a sample of the CPU a minute."""
    return service.metric_cpu_utilization(
        statistic="SampleCount", period=period, label="running tasks"
    )


def from_server(
    stage: str, endpoint: str, name: str, statistic: str = "Sum"
) -> cloudwatch.IMetric:
    """BatchSize, CacheHits, CacheMisses, Rejected: nothing until the server has them."""
    return cloudwatch.Metric(
        namespace=SERVER,
        metric_name=name,
        dimensions_map={"stage": stage, "endpoint": endpoint},
        statistic=statistic,
        period=MINUTE,
    )


def cache_percent(stage: str, endpoint: str) -> cloudwatch.IMetric:
    """The share of texts that the server had answered before."""
    return cloudwatch.MathExpression(
        label="answered from the cache",
        expression="100 * hits / (hits + misses)",
        using_metrics={
            "hits": from_server(stage, endpoint, "CacheHits"),
            "misses": from_server(stage, endpoint, "CacheMisses"),
        },
        period=MINUTE,
    )


def managed_gpu(cluster: str, service: str) -> tuple[cloudwatch.IMetric, ...]:
    """Percent busy, and of memory, of a service's GPUs.

    From NVIDIA's DCGM by enhanced Container Insights, on managed instances only.
    """
    return tuple(
        cloudwatch.Metric(
            namespace="ECS/ContainerInsights",
            metric_name=f"TaskGPU{what}",
            dimensions_map={"ClusterName": cluster, "ServiceName": service},
            period=MINUTE,
        )
        for what in ("Utilization", "MemoryUtilization")
    )


def agent_gpu(pool: str) -> tuple[cloudwatch.IMetric, ...]:
    """Percent busy, and of memory, of a pool's GPUs, by the agent on its instances."""
    busy, used, total = (
        cloudwatch.Metric(
            namespace="CWAgent",
            metric_name=f"nvidia_smi_{name}",
            dimensions_map={"pool": pool},
            period=MINUTE,
        )
        for name in ("utilization_gpu", "memory_used", "memory_total")
    )
    full = cloudwatch.MathExpression(
        label="GPU memory",
        expression="100 * used / total",
        using_metrics={"used": used, "total": total},
        period=MINUTE,
    )
    return busy, full


def dollars_per_million(
    hourly: float, traffic: Traffic, service: ecs.BaseService
) -> cloudwatch.IMetric:
    """Tasks alone, on demand. Samples are task-minutes, so it holds over any period."""
    hours = Traffic(traffic.load_balancer, traffic.groups, HOUR)
    return cloudwatch.MathExpression(
        label="USD a million requests",
        expression=f"1000000 * {hourly:.6f} * minutes / 60 / requests",
        using_metrics={
            "minutes": running(service, HOUR),
            "requests": hours.requests(),
        },
        period=HOUR,
    )


def dollars_an_hour(
    stage: StageConfig, config: TaskEndpoint, release: Manifest
) -> float | None:
    """What a task costs on demand; None where no book of the region has it."""
    size, compute = task_size(config, release), config.compute
    if isinstance(compute, FargateConfig):
        return fargate_dollars(
            stage.region,
            vcpu=size.vcpu,
            memory_mib=size.memory_mib,
            architecture=compute.architecture,
        )
    (pool,) = (pool for pool in stage.pools if pool.name == compute.pool)
    return instance_dollars(
        stage.region,
        pool.instance_types,
        vcpu=size.vcpu,
        memory_mib=size.memory_mib,
        gpus=compute.gpus,
    )
