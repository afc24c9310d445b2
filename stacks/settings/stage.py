"""One copy of everything that answers requests."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from manifest import Architecture
from stacks.settings.checked import ACCOUNT, EMAIL, NAME, REGION, TAG, Checked
from stacks.settings.compute import (
    FargateConfig,
    InstancesConfig,
    PoolConfig,
    TaskSize,
)
from stacks.settings.endpoint import Endpoint, EndpointConfig, TaskEndpoint
from stacks.settings.job import JobConfig
from stacks.settings.network import Network
from stacks.settings.queued import AsynchronousConfig
from stacks.settings.room import check_room
from stacks.settings.serverless import ServerlessConfig

Insights = Literal["disabled", "enabled", "enhanced"]

# What CloudWatch keeps logs for.
LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 180, 365)

_FOLDER = re.compile(r"(https://)?[\w.~/@:-]+[^/]")
MOST_TOLD = 10  # addresses of a budget's notification, beside its topic

# Where CloudFormation has no AWS::Budgets::Budget, by cfn-lint's schemas of 2026-11.
NO_BUDGETS = {
    "af-south-1", "ap-east-1", "ap-east-2", "ap-northeast-3",
    "ap-south-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5",
    "ap-southeast-6", "ap-southeast-7", "ca-west-1", "eu-central-2",
    "eu-north-1", "eu-south-1", "eu-south-2", "il-central-1",
    "me-central-1", "mx-central-1", "us-gov-east-1", "us-gov-west-1",
}  # fmt: skip


@dataclass(frozen=True)
class StageConfig:
    """Raises ConfigError where it could not be deployed."""

    name: str
    owner: str  # whom the resources are tagged with, as cost_center
    cost_center: str
    region: str
    network: Network
    log_days: int  # how long logs are kept: a value that CloudWatch offers
    container_insights: Insights  # metrics by task, for some 11 dollars a cluster
    monthly_budget_dollars: float  # of what carries the stage's tag
    endpoints: tuple[Endpoint, ...]
    budget_emails: tuple[str, ...] = ()  # told at 80 and 100 %, and of the forecast
    budget_region: str | None = None  # None: the stage's; not every region has budgets
    # Told of an unusual day's cost above this; None: not looked for. Cost Explorer must
    # have been opened once in the account, or the budget's stack cannot be created.
    cost_anomaly_dollars: float | None = None
    pools: tuple[PoolConfig, ...] = ()  # EC2 instances, beside Fargate
    jobs: tuple[JobConfig, ...] = ()  # models that answer files of a bucket
    runbooks: str = "docs/runbooks"  # in alarms: the folder, or its address on the web
    auto_release: bool = False  # True: the newest release runs without a commit
    account: str | None = None  # None: the account whose credentials deploy

    def __post_init__(self) -> None:
        checked = Checked(f"stage {self.name}")
        checked.matches("name", self.name, NAME, "lower-case words joined by hyphens")
        checked.matches("region", self.region, REGION, "a region's name")
        checked.optional("account", self.account, ACCOUNT, "12 digits")
        for tag in ("owner", "cost_center"):
            checked.matches(tag, getattr(self, tag), TAG, "a tag's value")
        checked.flag("auto_release", self.auto_release)
        checked.parts(self)
        checked.several("budget_emails", self.budget_emails)
        self.network.check(checked, self.region)
        checked.matches("runbooks", self.runbooks, _FOLDER, "a folder or https address")
        checked.one_of("log_days", self.log_days, LOG_DAYS)
        insights = get_args(Insights)
        checked.one_of("container_insights", self.container_insights, insights)
        budget = self.monthly_budget_dollars
        checked.within("monthly_budget_dollars", budget, 1, 10_000_000)
        self._check_told(checked)
        checked.distinct("pools", [pool.name for pool in self.pools])
        checked.distinct("endpoints", [each.name for each in self.endpoints])
        checked.distinct("jobs", [each.name for each in self.jobs])
        for job in self.jobs:
            job.check(self.name)
        for pool in self.pools:
            pool.check(Checked(f"stage {self.name}: pool {pool.name}"))
        for endpoint in self.endpoints:
            endpoint.check(self.name)
        for tasked in self.tasked:
            self._check_pool(tasked)
        self.check_room({})

    @property
    def balanced(self) -> tuple[EndpointConfig, ...]:
        """Return the endpoints that are behind a load balancer."""
        found = (each for each in self.endpoints if isinstance(each, EndpointConfig))
        return tuple(found)

    @property
    def queued(self) -> tuple[AsynchronousConfig, ...]:
        """Return the endpoints that are asked through a queue."""
        found = (e for e in self.endpoints if isinstance(e, AsynchronousConfig))
        return tuple(found)

    @property
    def tasked(self) -> tuple[TaskEndpoint, ...]:
        """Return the endpoints that tasks answer for."""
        found = (e for e in self.endpoints if not isinstance(e, ServerlessConfig))
        return tuple(found)

    @property
    def serverless(self) -> tuple[ServerlessConfig, ...]:
        """Return the endpoints that a function answers for."""
        found = (e for e in self.endpoints if isinstance(e, ServerlessConfig))
        return tuple(found)

    @property
    def billing_region(self) -> str:
        """Where the budget's stack is, wherever its money is spent."""
        return self.budget_region or self.region

    def _check_told(self, checked: Checked) -> None:
        region = self.billing_region
        checked.matches("budget_region", region, REGION, "a region's name")
        if region in NO_BUDGETS:
            checked.refuse(
                "budget_region", region, "a region with budgets, such as us-east-1"
            )
        if len(self.budget_emails) > MOST_TOLD:
            checked.refuse("budget_emails", self.budget_emails, f"{MOST_TOLD} or fewer")
        for email in self.budget_emails:
            checked.matches("budget_emails", email, EMAIL, "an address")
        if self.cost_anomaly_dollars is not None:
            dollars = self.cost_anomaly_dollars
            checked.within("cost_anomaly_dollars", dollars, 1, 10_000_000)
            if not self.budget_emails:
                checked.refuse(
                    "cost_anomaly_dollars", dollars, "told to anybody: no budget_emails"
                )

    def _check_pool(self, endpoint: TaskEndpoint) -> None:
        compute, pools = endpoint.compute, [pool.name for pool in self.pools]
        if not isinstance(compute, InstancesConfig):
            return
        checked = Checked(f"stage {self.name}: endpoint {endpoint.name}")
        checked.one_of("compute.pool", compute.pool, pools)
        pool = self.pool_of(endpoint)
        if pool is not None and pool.gpus and not compute.gpus:
            checked.refuse("compute.gpus", 0, "1 or more, on instances that have GPUs")

    def check_room(self, sizes: Mapping[str, TaskSize]) -> None:
        """Raise ConfigError where a pool is too small to update its endpoints on.

        `sizes` are those of endpoints, by name, that their releases were measured to
        need; others count as far as their configs say.
        """
        for pool in self.pools:
            check_room(self.name, pool, self.tasked, sizes)

    def pool_of(self, endpoint: TaskEndpoint) -> PoolConfig | None:
        """Return the pool that an endpoint's tasks run on, None on Fargate."""
        compute = endpoint.compute
        if isinstance(compute, InstancesConfig):
            return next(pool for pool in self.pools if pool.name == compute.pool)
        return None

    def architecture_of(self, endpoint: TaskEndpoint) -> Architecture:
        """Return the architecture that an endpoint's tasks run on."""
        compute, pool = endpoint.compute, self.pool_of(endpoint)
        if isinstance(compute, FargateConfig):
            return compute.architecture
        assert pool is not None
        return pool.architecture

    def built_for(self, endpoint: Endpoint) -> Architecture | None:
        """Return what an endpoint's release must be for, None where Lambda takes any."""
        if isinstance(endpoint, ServerlessConfig):
            return None
        return self.architecture_of(endpoint)
