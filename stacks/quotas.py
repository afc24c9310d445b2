"""The AWS quotas a deployment meets, with their codes, and what it needs of each.

Defaults are of a new account. Codes and defaults were read on 2026-11-21 in public
repositories that list what the Service Quotas API answers, or that quote AWS's pages
`docs.aws.amazon.com/general/latest/gr/SERVICE.html`; an account's own value is what counts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from costs.instances import instance_type
from manifest import Manifest
from stacks.settings.compute import FargateConfig, PoolConfig
from stacks.settings.deployment import Deployment
from stacks.settings.endpoint import TaskEndpoint
from stacks.settings.network import NewVpc
from stacks.settings.queued import AsynchronousConfig
from stacks.settings.stage import StageConfig
from stacks.size import task_size


@dataclass(frozen=True)
class Quota:
    """One quota of an account in a region."""

    service: str  # as the Service Quotas API names it
    code: str
    name: str
    default: float  # of a new account
    shared: bool = (
        True  # False: a bound of each VPC, balancer, ...: needs do not add up
    )
    adjustable: bool = True


@dataclass(frozen=True)
class Need:
    """How much of a quota one stage uses at its largest, and what makes it so much."""

    quota: Quota
    stage: str
    account: str | None  # None: that of the credentials
    region: str
    amount: float
    why: str


FARGATE = Quota("fargate", "L-3032A538", "Fargate On-Demand vCPU", 6)
FARGATE_SPOT = Quota("fargate", "L-36FBB829", "Fargate Spot vCPU", 6)
STANDARD = Quota("ec2", "L-1216C47A", "On-Demand Standard instances, vCPU", 5)
STANDARD_SPOT = Quota("ec2", "L-34B43A08", "Spot Standard instances, vCPU", 5)
GPU = Quota("ec2", "L-DB2E81BA", "On-Demand G and VT instances, vCPU", 0)
GPU_SPOT = Quota("ec2", "L-3819A6DF", "Spot G and VT instances, vCPU", 0)
TRAINING = Quota("ec2", "L-417A185B", "On-Demand P instances, vCPU", 0)
TRAINING_SPOT = Quota("ec2", "L-7212CCBC", "Spot P instances, vCPU", 0)
ADDRESSES = Quota("ec2", "L-0263D0A3", "Elastic IP addresses", 5)
VPCS = Quota("vpc", "L-F678F1CE", "VPCs", 5)
GATEWAYS = Quota("vpc", "L-A4707A72", "Internet gateways", 5)
NATS = Quota("vpc", "L-FE5A380F", "NAT gateways of a zone", 5)
INTERFACES = Quota(
    "vpc", "L-29B6F2EB", "Interface endpoints of a VPC", 50, shared=False
)
RULES = Quota("vpc", "L-0EA8095F", "Rules of a security group", 60, shared=False)
BALANCERS = Quota(
    "elasticloadbalancing", "L-53DA6B97", "Application Load Balancers", 50
)
TARGETS = Quota(
    "elasticloadbalancing",
    "L-822D1B1B",
    "Target groups of a load balancer",
    100,
    shared=False,
    adjustable=False,
)
REPOSITORIES = Quota("ecr", "L-CFEB8E8D", "Repositories", 100_000)
IMAGES = Quota("ecr", "L-03A36CE1", "Images of a repository", 100_000, shared=False)
BUILDS = Quota(
    "codebuild", "L-4DDC4A99", "Builds at a time, Linux/Large", 1, shared=False
)
BAKES = Quota(
    "codebuild", "L-2DC20C30", "Builds at a time, Linux/Medium", 1, shared=False
)
STEPS = Quota(
    "codebuild", "L-9D07B6EF", "Builds at a time, Linux/Small", 1, shared=False
)
FUNCTIONS = Quota("lambda", "L-B99A9384", "Function calls at a time", 10)

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
UNRESERVED = 100

QUOTAS = (
    FARGATE, FARGATE_SPOT, STANDARD, STANDARD_SPOT, GPU, GPU_SPOT, TRAINING,
    TRAINING_SPOT, ADDRESSES, VPCS, GATEWAYS, NATS, INTERFACES, RULES, BALANCERS,
    TARGETS, REPOSITORIES, IMAGES, BUILDS, BAKES, STEPS, FUNCTIONS,
)  # fmt: skip

# By what an instance type begins with: on demand, Spot.
FAMILIES: Mapping[str, tuple[Quota, Quota]] = {
    "g": (GPU, GPU_SPOT),
    "gr": (GPU, GPU_SPOT),
    "vt": (GPU, GPU_SPOT),
    "p": (TRAINING, TRAINING_SPOT),
    **dict.fromkeys("acdhimrtz", (STANDARD, STANDARD_SPOT)),
}

Parts = Iterable[tuple[Quota, float, str]]


def needs(
    deployment: Deployment, releases: Mapping[tuple[str, str], Manifest]
) -> list[Need]:
    """What every stage, and delivery, use at their largest.

    `releases` are by stage and model; an endpoint that has neither a release nor a
    size is not counted.
    """
    found = []
    for stage in deployment.stages:
        parts = [*_network(stage), *_pools(stage), *_functions(stage)]
        for endpoint in stage.tasked:
            release = releases.get((stage.name, endpoint.model))
            parts += _endpoint(endpoint, release)
        found += _added(parts, stage.name, stage.account, stage.region)
    config = deployment.delivery
    delivery = _delivery(deployment)
    return found + _added(delivery, "delivery", config.account, config.region)


def _added(parts: Parts, stage: str, account: str | None, region: str) -> list[Need]:
    """One need of each quota: their sum, or the largest where each has its own bound."""
    found = []
    parts = list(parts)
    for quota in QUOTAS:
        mine = [
            (amount, why) for each, amount, why in parts if each is quota and amount
        ]
        if not mine:
            continue
        if quota.shared:
            amount = sum(amount for amount, _ in mine)
            why = "; ".join(why for _, why in mine)
        else:
            amount, why = max(mine)
        found.append(Need(quota, stage, account, region, amount, why))
    return found


def _endpoint(endpoint: TaskEndpoint, release: Manifest | None) -> Parts:
    compute, tasks = endpoint.compute, endpoint.most_tasks
    vcpu = _task_vcpu(endpoint, release)
    if isinstance(compute, FargateConfig) and vcpu is not None:
        owned, spot = _split(tasks, compute.on_demand_base, compute.spot_percent)
        what = f"{endpoint.name}: {{}} tasks of {vcpu:g} vCPU in a rollout"
        yield FARGATE, owned * vcpu, what.format(owned)
        yield FARGATE_SPOT, spot * vcpu, what.format(spot)
    if isinstance(endpoint, AsynchronousConfig):
        yield FUNCTIONS, 1, f"{endpoint.name}: takes submissions"
        return
    groups = 2 if endpoint.rollout.shifts else 1
    yield BALANCERS, 1, endpoint.name
    yield TARGETS, groups, endpoint.name
    yield RULES, len(endpoint.door.callers), f"{endpoint.name}: callers"
    if endpoint.rollout.checked:
        yield FUNCTIONS, 1, f"{endpoint.name}: the check of a rollout"


def _task_vcpu(endpoint: TaskEndpoint, release: Manifest | None) -> float | None:
    if endpoint.size is not None:
        return endpoint.size.vcpu
    return task_size(endpoint, release).vcpu if release else None


def _split(count: int, base: int, spot_percent: int) -> tuple[int, int]:
    """On demand and Spot: the most of each, for AWS rounds the weights as it likes."""
    above = max(0, count - base)
    owned = min(count, base) + math.ceil(above * (100 - spot_percent) / 100)
    return owned, math.ceil(above * spot_percent / 100)


def _functions(stage: StageConfig) -> Parts:
    for endpoint in stage.serverless:
        yield FUNCTIONS, endpoint.concurrency, f"{endpoint.name}: reserved for it"
    if stage.serverless:
        yield FUNCTIONS, UNRESERVED, "AWS lets nobody reserve these"


def _pools(stage: StageConfig) -> Parts:
    for pool in stage.pools:
        yield from _pool(pool)


def _pool(pool: PoolConfig) -> Parts:
    """As if every instance were of the listed type with the most vCPU."""
    largest = max(pool.instance_types, key=lambda name: instance_type(name).vcpu)
    vcpu = instance_type(largest).vcpu
    counts = _split(pool.max_instances, pool.on_demand_base, pool.spot_percent)
    for quota, count in zip(family(largest), counts, strict=True):
        yield quota, count * vcpu, f"pool {pool.name}: {count} of {largest}"


def family(name: str) -> tuple[Quota, Quota]:
    """Return the quotas that an instance type counts for, on demand and Spot."""
    letters = re.match(r"[a-z]+", name)
    return FAMILIES[letters[0] if letters else name]


def _network(stage: StageConfig) -> Parts:
    network = stage.network
    if not isinstance(network, NewVpc):
        return
    outside = any(not endpoint.door.internal for endpoint in stage.balanced)
    yield VPCS, 1, "its own"
    if network.kind != "private-endpoints" or outside:
        yield GATEWAYS, 1, "its own"
    if network.kind == "private-nat":
        yield NATS, 1, f"{network.nat_gateways} in as many zones"
        yield ADDRESSES, network.nat_gateways, "NAT gateways"
    if network.kind == "private-endpoints":
        gpus = any(pool.reports_gpus for pool in stage.pools)
        topics = any(endpoint.submissions.topic for endpoint in stage.queued)
        others = (gpus, bool(stage.queued), topics)
        count = 3 + (3 if stage.pools else 0) + sum(others)
        why = "ECR, logs; ECS for instances; metrics of GPUs; queues and topics"
        yield INTERFACES, count, why


def _delivery(deployment: Deployment) -> Parts:
    yield REPOSITORIES, len(deployment.images), "one for a model and runtime"
    yield IMAGES, deployment.delivery.kept_images, "kept_images"
    for quota in (BUILDS, BAKES, STEPS):
        yield quota, 1, "more wait for each other"
