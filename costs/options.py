"""What each option costs a month while nobody calls it, by the rules of the bill."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from costs.assembly import Assembly, Stack
from costs.bill import bill
from costs.book import PRICES, Price, read_book
from costs.functions import MB_A_VCPU
from costs.instances import InstanceType, instance_types
from costs.scale import Scale
from costs.template import Template, Unknown
from costs.usage import Usage

Resources = Mapping[str, Any]

ZONES = (2, 3)
DISK_GIB = 60  # of an instance, as a pool's default is

_QUEUES, _QUEUE_METRICS = 3, 11  # of an asynchronous endpoint, in its template
_FUNCTION_METRICS = 5  # that alarms of a serverless endpoint watch
# What a task calls where no way leads out, and what an instance's agent calls besides.
_INTERFACES, _AGENT_INTERFACES, _GPU_INTERFACES = 3, 3, 1
# Nothing of these is there while nobody calls, builds or deploys.
TRAFFIC = (
    "requests_per_second", "task_log_gb", "other_log_gb", "flow_log_gb", "nat_gb",
    "endpoint_gb", "builds_per_month", "pipeline_runs_per_month", "bucket_writes",
    "bucket_reads", "lambda_calls", "key_requests", "secret_reads", "notifications",
    "queue_requests", "insights_log_gb", "submissions", "queue_workers",
    "function_requests",
)  # fmt: skip


@dataclass(frozen=True)
class Option:
    """Something a stage may have, in USD a month at its smallest."""

    group: str
    name: str
    monthly: float
    spot: float | None  # the same on Spot capacity; None where there is no such thing
    prices: tuple[Price, ...]


def options(region: str, usage: Usage, *, prices: Path = PRICES) -> tuple[Option, ...]:
    """Price every option in a region. Raises PriceError for a price that is missing."""
    idle = replace(usage, **dict.fromkeys(TRAFFIC, Scale.always(0)))

    def priced(resources: Resources) -> tuple[float, tuple[Price, ...]]:
        found = bill(_assembly(region, resources), idle, prices=prices)
        charges = [charge for line in found.lines for charge in line.estimate.charges]
        paid = (charge.price for charge in charges if charge.monthly.maximum)
        return found.monthly.minimum, tuple(paid)

    found = []
    for group, name, resources, on_spot in _templates(region, prices):
        monthly, used = priced(resources)
        spot = priced(on_spot) if on_spot else None
        used += spot[1] if spot else ()
        found.append(Option(group, name, monthly, spot[0] if spot else None, used))
    return tuple(found)


def _assembly(region: str, resources: Resources) -> Assembly:
    body = {"Resources": resources}
    template = Template("option", region, body, lambda name: Unknown(name))
    return Assembly(Path(), (Stack("option", "", template, {}),))


def _templates(
    region: str, prices: Path
) -> Iterator[tuple[str, str, Resources, Resources | None]]:
    """Yield group, name, resources, and the resources on Spot if they may be."""
    for group, rows in (
        ("Network", _networks()),
        ("Load balancer", _balancers()),
        ("Asynchronous endpoint", _queued()),
        ("Serverless endpoint", _serverless()),
        ("Watching", _watching()),
        ("Delivery, once for all stages", _delivery()),
    ):
        for name, resources in rows:
            yield group, name, resources, None
    for name, fargate, on_spot in _fargate():
        yield "One Fargate task", name, fargate, on_spot
    sold_on_spot = {
        price.item
        for price in read_book(region, prices).prices
        if price.service == "EC2 Spot"
    }
    for kind in instance_types().values():
        group = "One GPU instance" if kind.gpus else "One CPU instance"
        spot = _instance(kind, spot=True) if kind.name in sold_on_spot else None
        yield (
            f"{group}, {DISK_GIB} GB of disk",
            _described(kind),
            _instance(kind),
            spot,
        )


def _networks() -> Iterator[tuple[str, Resources]]:
    def endpoints(count: int, zones: int) -> Resources:
        return {
            f"Endpoint{i}": _resource(
                "EC2::VPCEndpoint",
                VpcEndpointType="Interface",
                SubnetIds=[f"subnet-{zone}" for zone in range(zones)],
            )
            for i in range(count)
        }

    def nats(count: int) -> Resources:
        return {
            f"{kind}{i}": _resource(f"EC2::{kind}")
            for kind in ("NatGateway", "EIP")
            for i in range(count)
        }

    public = {"Address": _resource("EC2::EIP")}
    yield "public: an address for each task", public
    for zones in ZONES:
        where, count = f"private-endpoints, {zones} zones", _INTERFACES
        yield where, endpoints(count, zones)
        count += _AGENT_INTERFACES
        yield f"{where}, with a pool", endpoints(count, zones)
        count += _GPU_INTERFACES
        yield f"{where}, with a pool of GPUs", endpoints(count, zones)
    for zones in ZONES:
        more = f"private-endpoints, {zones} zones, for an asynchronous endpoint more"
        yield more, endpoints(1, zones)
    yield "private-nat, one NAT gateway", nats(1)
    for zones in ZONES:
        yield f"private-nat, {zones} zones, one in each", nats(zones)


def _balancers() -> Iterator[tuple[str, Resources]]:
    def balancer(zones: int, scheme: str) -> Resources:
        subnets = [f"subnet-{zone}" for zone in range(zones)]
        kind = "ElasticLoadBalancingV2::LoadBalancer"
        return {"It": _resource(kind, Scheme=scheme, Subnets=subnets)}

    yield "internal", balancer(2, "internal")
    for zones in ZONES:
        yield f"internet-facing, {zones} zones", balancer(zones, "internet-facing")
    yield "firewall of 3 rules", {"It": _resource("WAFv2::WebACL", Rules=[{}] * 3)}


def _queued() -> Iterator[tuple[str, Resources]]:
    """As stacks/queued.py makes it, without a worker."""
    queues = {f"Queue{i}": _resource("SQS::Queue") for i in range(_QUEUES)}
    door = _resource("Lambda::Function", MemorySize=512, Architectures=["arm64"])
    alarms = {
        f"Alarm{i}": _resource("CloudWatch::Alarm", Period=60)
        for i in range(_QUEUE_METRICS)
    }
    bucket = _resource("S3::Bucket")
    yield (
        f"bucket of 2 GB, queues, function, alarms on {_QUEUE_METRICS} metrics",
        {**queues, **alarms, "Door": door, "Bucket": bucket},
    )


def _serverless() -> Iterator[tuple[str, Resources]]:
    """As stacks/serverless.py makes it, with a core for each environment."""
    alarms = {
        f"Alarm{i}": _resource("CloudWatch::Alarm", Period=60)
        for i in range(_FUNCTION_METRICS)
    }
    yield f"function, alarms on {_FUNCTION_METRICS} metrics", alarms
    for name, architecture in (("x86", "x86_64"), ("ARM", "arm64")):
        warm = {"ProvisionedConcurrentExecutions": 1}
        function = _resource(
            "Lambda::Function", MemorySize=MB_A_VCPU, Architectures=[architecture]
        )
        version = _resource(
            "Lambda::Version",
            FunctionName={"Ref": "It"},
            ProvisionedConcurrencyConfig=warm,
        )
        yield (
            f"an environment of {MB_A_VCPU} MB kept warm, {name}",
            {"It": function, "Version": version},
        )


def _watching() -> Iterator[tuple[str, Resources]]:
    yield "alarm on one metric", {"It": _resource("CloudWatch::Alarm", Period=60)}
    band = [{"MetricStat": {"Period": 60}}]
    anomaly = _resource("CloudWatch::Alarm", ThresholdMetricId="band", Metrics=band)
    yield "alarm on unusual traffic", {"It": anomaly}
    yield "dashboard", {"It": _resource("CloudWatch::Dashboard")}
    for value in ("enabled", "enhanced"):
        settings = [{"Name": "containerInsights", "Value": value}]
        cluster = _resource("ECS::Cluster", ClusterName="c", ClusterSettings=settings)
        service = _service(_task(1, 2), Cluster="c", LaunchType="EC2")
        name = f"Container Insights {value}, a cluster"
        yield name, {"It": cluster}
        yield f"{name} of one endpoint", {"It": cluster, **service}


def _delivery() -> Iterator[tuple[str, Resources]]:
    yield "customer managed key", {"It": _resource("KMS::Key")}
    yield "secret", {"It": _resource("SecretsManager::Secret")}
    yield "image repository, 2 GB", {"It": _resource("ECR::Repository")}
    pipeline = _resource("CodePipeline::Pipeline", PipelineType="V2", Stages=[])
    yield "pipeline and builds that nothing starts", {"It": pipeline}


def _fargate() -> Iterator[tuple[str, Resources, Resources]]:
    for vcpu, gib in ((0.25, 0.5), (0.5, 1), (1, 2), (2, 4)):
        for name, architecture in (("x86", "X86_64"), ("ARM", "ARM64")):
            task = _task(vcpu, gib, architecture)
            on_spot = [{"CapacityProvider": "FARGATE_SPOT", "Weight": 1}]
            yield (
                f"{vcpu:g} vCPU, {gib:g} GB, {name}",
                _service(task, LaunchType="FARGATE"),
                _service(task, CapacityProviderStrategy=on_spot),
            )


def _task(vcpu: float, gib: float, architecture: str = "X86_64") -> Any:
    return _resource(
        "ECS::TaskDefinition",
        Cpu=int(vcpu * 1024),
        Memory=int(gib * 1024),
        RuntimePlatform={"CpuArchitecture": architecture},
    )


def _service(task: Any, **properties: Any) -> Resources:
    runs = {"Ref": "Task"}
    service = _resource("ECS::Service", TaskDefinition=runs, **properties)
    return {"Task": task, "Service": service}


def _instance(kind: InstanceType, *, spot: bool = False) -> Resources:
    disk = {"Ebs": {"VolumeType": "gp3", "VolumeSize": DISK_GIB}}
    percent = {"OnDemandPercentageAboveBaseCapacity": 0 if spot else 100}
    launch = {
        "LaunchTemplateSpecification": {"LaunchTemplateId": {"Ref": "Launch"}},
        "Overrides": [{"InstanceType": kind.name}],
    }
    return {
        "Launch": _resource(
            "EC2::LaunchTemplate", LaunchTemplateData={"BlockDeviceMappings": [disk]}
        ),
        "It": _resource(
            "AutoScaling::AutoScalingGroup",
            MinSize=1,
            MaxSize=1,
            MixedInstancesPolicy={
                "InstancesDistribution": percent,
                "LaunchTemplate": launch,
            },
        ),
    }


def _described(kind: InstanceType) -> str:
    arm = ", ARM" if kind.architecture == "arm64" else ""
    text = f"{kind.name}: {kind.vcpu} vCPU, {kind.memory_gib} GB{arm}"
    if not kind.gpu:
        return text
    return f"{text}, {kind.gpus} x {kind.gpu.upper()} of {kind.gpu_memory_mib} MiB"


def _resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": properties}
