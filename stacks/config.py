"""Every number a person may change about a deployment, and nothing else.

Read top to bottom by cost reviewers: a stage is a literal, not a lookup, so the same
commit synthesizes to the same templates on any machine.
"""

from __future__ import annotations

from dataclasses import dataclass

from stacks import bounds
from stacks.bounds import Checked


@dataclass(frozen=True)
class EndpointConfig:
    """How much of one released model to run, who may call it, when to wake somebody."""

    model: str  # stacks/releases/STAGE/MODEL.json says which version
    min_tasks: int
    max_tasks: int
    load_percent: int  # of the requests a second its release was measured to sustain
    cpu_percent: int  # scaling keeps the average of both at or below these
    latency_slo_ms: int  # p99 at the load balancer
    failing_percent: float  # of requests answered 5xx before somebody is woken
    callers: tuple[str, ...]  # CIDR blocks let through to the load balancer
    internal: bool  # True: reachable from within the VPC only
    certificate_arn: str | None = None  # None: plain HTTP, for internal ones only
    emails: tuple[str, ...] = ()  # who is woken, besides what the topic is wired to

    def check(self, stage: str) -> None:
        """Raise ConfigError naming stage, endpoint, field, value and bound."""
        checked = Checked(f"stage {stage}: endpoint {self.model}")
        for field, (low, high) in bounds.ENDPOINT.items():
            checked.within(field, getattr(self, field), low, high)
        checked.within("max_tasks", self.max_tasks, self.min_tasks, 1_000)
        for block in self.callers:
            checked.block("callers", block)
        for email in self.emails:
            checked.matches("emails", email, bounds.EMAIL, "an address")
        if self.certificate_arn or not self.internal:
            checked.matches(
                "certificate_arn",
                self.certificate_arn,
                bounds.CERTIFICATE,
                "the ARN of a certificate, which an endpoint on the internet needs",
            )


@dataclass(frozen=True)
class StageConfig:
    """One copy of everything. Raises ConfigError where it could not be deployed."""

    name: str
    region: str
    availability_zones: tuple[str, ...]  # spelled out: no lookup at synth
    vpc_cidr: str
    log_days: int  # how long logs are kept: a value that CloudWatch offers
    kept_images: int  # of each model; the oldest go first, deployed or not
    container_insights: bool  # metrics by task, for some 11 dollars a month and cluster
    build_size: str  # of the CodeBuild machine
    build_timeout_minutes: int
    endpoints: tuple[EndpointConfig, ...]
    account: str | None = None  # None: the account whose credentials deploy

    def __post_init__(self) -> None:
        checked = Checked(f"stage {self.name}")
        for field, (low, high) in bounds.STAGE.items():
            checked.within(field, getattr(self, field), low, high)
        checked.one_of("log_days", self.log_days, bounds.LOG_DAYS)
        checked.one_of("build_size", self.build_size, bounds.BUILD_SIZES)
        checked.block("vpc_cidr", self.vpc_cidr, 16, 22)  # room for 3 zones of /24
        checked.matches("region", self.region, bounds.REGION, "a region's name")
        if self.account is not None:
            checked.matches("account", self.account, bounds.ACCOUNT, "12 digits")
        if not 2 <= len(set(self.availability_zones)) <= 3:
            checked.refuse("availability_zones", self.availability_zones, "2 or 3")
        for zone in self.availability_zones:
            if zone[:-1] != self.region:
                checked.refuse("availability_zones", zone, f"a zone of {self.region}")
        models = [endpoint.model for endpoint in self.endpoints]
        if len(set(models)) < len(models):
            checked.refuse("endpoints", models, "one endpoint a model")
        for endpoint in self.endpoints:
            endpoint.check(self.name)


def stages() -> tuple[StageConfig, ...]:
    """Every stage there is, always in this order. Raises ConfigError."""
    return (
        StageConfig(
            name="dev",
            region="us-east-1",
            availability_zones=("us-east-1a", "us-east-1b"),
            vpc_cidr="10.10.0.0/20",
            log_days=7,
            kept_images=50,
            container_insights=False,
            build_size="LARGE",
            build_timeout_minutes=120,
            endpoints=(
                EndpointConfig(
                    model="support-sentiment",
                    min_tasks=1,
                    max_tasks=2,
                    load_percent=60,
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
            kept_images=200,
            container_insights=True,
            build_size="LARGE",
            build_timeout_minutes=120,
            endpoints=(
                EndpointConfig(
                    model="support-sentiment",
                    min_tasks=3,
                    max_tasks=12,
                    load_percent=50,
                    cpu_percent=50,
                    latency_slo_ms=100,
                    failing_percent=0.5,
                    callers=("10.20.0.0/20",),
                    internal=True,
                ),
            ),
        ),
    )
