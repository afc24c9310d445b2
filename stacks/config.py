"""Every number a person may change about a deployment, and nothing else.

Read top to bottom by cost reviewers: a stage is a literal, not a lookup, so the same
commit synthesizes to the same templates on any machine.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

BUILD_SIZES = ("SMALL", "MEDIUM", "LARGE", "X_LARGE", "X2_LARGE")


class ConfigError(ValueError):
    """A stage that could not be deployed as it is written."""


@dataclass(frozen=True)
class EndpointConfig:
    """How much of one released model to run, who may call it, when to wake somebody."""

    model: str  # stacks/releases/STAGE/MODEL.json says which version
    min_tasks: int
    max_tasks: int
    requests_per_task: int  # a minute; scaling aims at this
    cpu_percent: int  # scaling keeps the average at or below this
    latency_slo_ms: int  # p99 at the load balancer
    failing_percent: float  # of requests answered 5xx before somebody is woken
    callers: tuple[str, ...]  # CIDR blocks let through to the load balancer
    internal: bool  # True: reachable from within the VPC only

    def __post_init__(self) -> None:
        self._between("min_tasks", self.min_tasks, 1, 1000)
        self._between("max_tasks", self.max_tasks, self.min_tasks, 1000)
        self._between("requests_per_task", self.requests_per_task, 1, 1_000_000)
        self._between("cpu_percent", self.cpu_percent, 10, 95)
        self._between("latency_slo_ms", self.latency_slo_ms, 1, 60_000)
        self._between("failing_percent", self.failing_percent, 0, 100)
        for block in self.callers:
            try:
                ipaddress.IPv4Network(block)
            except ValueError as error:
                raise ConfigError(
                    f"endpoint {self.model}: callers: {block!r}: {error}"
                ) from None

    def _between(self, field: str, value: float, low: float, high: float) -> None:
        if not low <= value <= high:
            raise ConfigError(
                f"endpoint {self.model}: {field}: {value} is not between {low} and {high}"
            )


@dataclass(frozen=True)
class StageConfig:
    """One copy of everything."""

    name: str
    region: str
    availability_zones: tuple[str, ...]  # spelled out: no lookup at synth
    vpc_cidr: str
    log_days: int  # how long logs are kept: a value that CloudWatch offers
    kept_images: int  # of each model; the oldest go first
    container_insights: bool  # metrics by task, for some 11 dollars a month and cluster
    build_size: str  # of the CodeBuild machine
    build_timeout_minutes: int
    endpoints: tuple[EndpointConfig, ...]
    account: str | None = None  # None: the account whose credentials deploy

    def __post_init__(self) -> None:
        if not 2 <= len(self.availability_zones) <= 3:
            self._refuse("availability_zones", self.availability_zones, "2 or 3")
        for zone in self.availability_zones:
            if not zone.startswith(self.region):
                self._refuse("availability_zones", zone, f"a zone of {self.region}")
        if not 16 <= ipaddress.IPv4Network(self.vpc_cidr).prefixlen <= 24:
            self._refuse("vpc_cidr", self.vpc_cidr, "a block of /16 to /24")
        if self.log_days not in (1, 3, 5, 7, 14, 30, 60, 90, 180, 365):
            self._refuse("log_days", self.log_days, "1, 3, 5, 7, 14, 30, 60, ... 365")
        if not 1 <= self.kept_images <= 1000:
            self._refuse("kept_images", self.kept_images, "between 1 and 1000")
        if self.build_size not in BUILD_SIZES:
            self._refuse("build_size", self.build_size, f"one of {BUILD_SIZES}")
        if not 5 <= self.build_timeout_minutes <= 480:
            self._refuse(
                "build_timeout_minutes", self.build_timeout_minutes, "5 to 480"
            )
        if self.account is not None and not (
            len(self.account) == 12 and self.account.isdigit()
        ):
            self._refuse("account", self.account, "12 digits, or None")
        models = [endpoint.model for endpoint in self.endpoints]
        if len(set(models)) < len(models):
            self._refuse("endpoints", models, "one endpoint a model")

    def _refuse(self, field: str, value: object, wanted: str) -> None:
        raise ConfigError(f"stage {self.name}: {field}: {value!r} is not {wanted}")


STAGES = (
    StageConfig(
        name="dev",
        region="us-east-1",
        availability_zones=("us-east-1a", "us-east-1b"),
        vpc_cidr="10.10.0.0/20",
        log_days=7,
        kept_images=10,
        container_insights=False,
        build_size="LARGE",
        build_timeout_minutes=120,
        endpoints=(
            EndpointConfig(
                model="support-sentiment",
                min_tasks=1,
                max_tasks=2,
                requests_per_task=6_000,
                cpu_percent=60,
                latency_slo_ms=200,
                failing_percent=1.0,
                callers=("10.10.0.0/20",),
                internal=True,
            ),
        ),
    ),
    StageConfig(
        name="prod",
        region="us-east-1",
        availability_zones=("us-east-1a", "us-east-1b", "us-east-1c"),
        vpc_cidr="10.20.0.0/20",
        log_days=90,
        kept_images=50,
        container_insights=True,
        build_size="LARGE",
        build_timeout_minutes=120,
        endpoints=(
            EndpointConfig(
                model="support-sentiment",
                min_tasks=3,
                max_tasks=12,
                requests_per_task=6_000,
                cpu_percent=50,
                latency_slo_ms=100,
                failing_percent=0.5,
                callers=("10.20.0.0/20",),
                internal=True,
            ),
        ),
    ),
)
