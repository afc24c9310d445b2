"""Every number a person may change about a deployment, and nothing else.

Read top to bottom by cost reviewers: a stage is a literal, not a lookup, so the same
commit synthesizes to the same templates on any machine. What a field means, and its
bounds, is in `stacks/settings/`.
"""

from __future__ import annotations

from dataclasses import replace

from stacks.settings.compute import (
    FargateConfig,
    InstancesConfig,
    PoolConfig,
    TaskSize,
)
from stacks.settings.delivery import (
    Archive,
    Connection,
    DeliveryConfig,
    Promotion,
)
from stacks.settings.deployment import Deployment
from stacks.settings.door import ApiKey, DoorConfig
from stacks.settings.endpoint import EndpointConfig
from stacks.settings.job import JobConfig, JobSchedule
from stacks.settings.network import NewVpc
from stacks.settings.queued import (
    AsynchronousConfig,
    QueueWatchConfig,
    SubmissionConfig,
)
from stacks.settings.rollout import RolloutConfig
from stacks.settings.scaling import ScalingConfig, Scheduled
from stacks.settings.serverless import FunctionWatchConfig, ServerlessConfig
from stacks.settings.stage import StageConfig
from stacks.settings.watch import WatchConfig


def deployment() -> Deployment:
    """What `cdk deploy --all` deploys. Raises ConfigError."""
    return Deployment(delivery=_delivery(), stages=(_dev(), _prod()))


def demonstration() -> Deployment:
    """The same, and a stage that uses what those two leave out: to rehearse and test."""
    connected = replace(
        _delivery(),
        source=Connection(
            arn="arn:aws:codeconnections:us-east-1:123456789012:connection/demo",
            repository="example/lathe",
            provider="github",
        ),
        customer_key=True,
        comment_token_secret="lathe/comment-token",
    )
    return Deployment(delivery=connected, stages=(_dev(), _prod(), _demo()))


def _delivery() -> DeliveryConfig:
    return DeliveryConfig(
        owner="platform",
        cost_center="lathe",
        region="us-east-1",
        source=Archive(),
        promotions=(
            Promotion("dev", approval=False),
            Promotion("prod", approval=True),
        ),
        kept_images=200,
        log_days=30,
        build_timeout_minutes=120,
    )


def _dev() -> StageConfig:
    return StageConfig(
        name="dev",
        owner="platform",
        cost_center="lathe",
        region="us-east-1",
        network=NewVpc(
            kind="public",
            cidr="10.10.0.0/20",
            availability_zones=("us-east-1a", "us-east-1b"),
        ),
        log_days=7,
        container_insights="disabled",
        monthly_budget_dollars=100,
        endpoints=(
            EndpointConfig(
                name="support-sentiment",
                model="support-sentiment",
                compute=FargateConfig(spot_percent=100),
                scaling=ScalingConfig(
                    min_tasks=1, max_tasks=2, load_percent=60, cpu_percent=60
                ),
                door=DoorConfig(internal=True, callers=("10.10.0.0/20",)),
                watch=WatchConfig(
                    latency_slo_ms=200, failing_percent=1.0, dashboard=False
                ),
            ),
        ),
    )


def _prod() -> StageConfig:
    return StageConfig(
        name="prod",
        owner="platform",
        cost_center="lathe",
        region="us-east-1",
        network=NewVpc(
            kind="private-nat",
            cidr="10.20.0.0/20",
            availability_zones=("us-east-1a", "us-east-1b", "us-east-1c"),
            flow_logs=True,
        ),
        log_days=90,
        container_insights="enabled",
        monthly_budget_dollars=1_000,
        endpoints=(
            EndpointConfig(
                name="support-sentiment",
                model="support-sentiment",
                scaling=ScalingConfig(
                    min_tasks=3, max_tasks=12, load_percent=50, cpu_percent=50
                ),
                door=DoorConfig(
                    internal=True,
                    callers=("10.20.0.0/20",),
                    access_logs=True,
                    protected=True,
                ),
                watch=WatchConfig(
                    latency_slo_ms=100, failing_percent=0.5, anomaly_detection=True
                ),
                rollout=RolloutConfig(kind="canary", step_percent=10, step_minutes=10),
            ),
        ),
    )


def _demo() -> StageConfig:
    """Never deployed to AWS as it is: it shows each option once."""
    return StageConfig(
        name="demo",
        owner="platform",
        cost_center="lathe",
        region="us-east-1",
        network=NewVpc(
            kind="private-endpoints",
            cidr="10.30.0.0/20",
            availability_zones=("us-east-1a", "us-east-1b"),
        ),
        log_days=1,
        container_insights="enhanced",
        monthly_budget_dollars=500,
        budget_emails=("platform@example.com",),
        cost_anomaly_dollars=50,
        runbooks="https://github.com/example/lathe/blob/main/docs/runbooks",
        auto_release=True,
        pools=(
            PoolConfig(
                name="gpu",
                instance_types=("g6.xlarge", "g5.xlarge", "g4dn.xlarge"),
                min_instances=1,
                max_instances=4,
                spot_percent=50,
                on_demand_base=1,
            ),
            PoolConfig(
                name="graviton",
                instance_types=("c7g.xlarge", "m7g.xlarge"),
                min_instances=0,
                max_instances=4,
                spot_percent=100,
            ),
            PoolConfig(
                name="managed",
                instance_types=("m7i.large",),
                min_instances=0,
                max_instances=2,
                managed=True,
            ),
        ),
        jobs=(
            JobConfig(
                name="reviews",
                model="support-sentiment",
                reads=("s3://example-reviews/in/",),
                writes=("s3://example-reviews/out/",),
                schedule=JobSchedule(
                    when="cron(0 3 * * ? *)",
                    source="s3://example-reviews/in/",
                    out="s3://example-reviews/out/",
                    tasks=4,
                    timezone="Europe/Berlin",
                ),
                emails=("platform@example.com",),
            ),
        ),
        endpoints=(
            EndpointConfig(
                name="internet",
                model="support-sentiment",
                compute=FargateConfig(spot_percent=50, on_demand_base=1),
                scaling=ScalingConfig(
                    min_tasks=1,
                    max_tasks=4,
                    load_percent=60,
                    in_flight=4,
                    schedule=(
                        Scheduled("0 7 ? * MON-FRI *", 2, 4, "Europe/Berlin"),
                        Scheduled("0 19 ? * MON-FRI *", 1, 4, "Europe/Berlin"),
                    ),
                ),
                door=DoorConfig(
                    internal=False,
                    callers=("0.0.0.0/0",),
                    certificate_arn="arn:aws:acm:us-east-1:123456789012:certificate/demo",
                    access=ApiKey("lathe/demo/api-key"),
                    waf=True,
                    access_logs=True,
                ),
                watch=WatchConfig(
                    latency_slo_ms=150,
                    failing_percent=1.0,
                    emails=("platform@example.com",),
                    anomaly_detection=True,
                ),
                rollout=RolloutConfig(kind="linear", step_percent=25, checked=False),
            ),
            EndpointConfig(
                name="gpu",
                model="support-sentiment",
                runtime="tf_serving",
                compute=InstancesConfig(pool="gpu", gpus=1),
                size=TaskSize(vcpu=3, memory_mib=12_288, requests_per_second=200),
                scaling=ScalingConfig(
                    min_tasks=1, max_tasks=2, load_percent=60, cpu_percent=70
                ),
                door=DoorConfig(internal=True, callers=("10.30.0.0/20",)),
                watch=WatchConfig(latency_slo_ms=100, failing_percent=1.0),
                rollout=RolloutConfig(kind="blue-green", bake_minutes=10),
            ),
            AsynchronousConfig(
                name="queue",
                model="support-sentiment",
                max_workers=4,
                backlog_per_worker=5_000,
                compute=FargateConfig(spot_percent=100),
                submissions=SubmissionConfig(concurrency=20, webhooks=True, topic=True),
                watch=QueueWatchConfig(emails=("platform@example.com",)),
            ),
            ServerlessConfig(
                name="function",
                model="support-sentiment",
                concurrency=20,
                provisioned=1,
                watch=FunctionWatchConfig(emails=("platform@example.com",)),
            ),
        ),
    )
