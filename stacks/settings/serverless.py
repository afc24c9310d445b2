"""One released model that a function answers for: nothing runs between two requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from manifest import Runtime
from stacks.settings.checked import NAME, Checked

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LEAST_MIB, MOST_MIB = 128, 10_240
MOST_SECONDS = 900
MOST_CHARACTERS = 64  # of a function's name
# A judgement, on the safe side of what accounts are given when they ask.
MOST_AT_ONCE = 1_000


@dataclass(frozen=True)
class FunctionWatchConfig:
    """When somebody is woken about a function, and who; two bounds take a rollout back."""

    latency_slo_ms: int = 1_000  # p99 of an environment that has started
    failing_percent: float = 1.0  # of requests answered 5xx
    emails: tuple[str, ...] = ()  # who is woken, besides what the topic is wired to
    dashboard: bool = True

    def check(self, checked: Checked) -> None:
        checked.whole("watch.latency_slo_ms", self.latency_slo_ms, 1, 900_000)
        checked.within("watch.failing_percent", self.failing_percent, 0.01, 50)
        checked.flag("watch.dashboard", self.dashboard)
        checked.addresses("watch.emails", self.emails)


@dataclass(frozen=True)
class CanaryConfig:
    """How a new release takes over: a share of requests first, the rest a while later."""

    percent: int = 10
    minutes: int = 10

    def check(self, checked: Checked) -> None:
        """Raise ConfigError for what CodeDeploy would refuse, or no alarm would see."""
        checked.whole("canary.percent", self.percent, 1, 99)
        # Or the share is over before three minutes of it can be found bad.
        checked.whole("canary.minutes", self.minutes, 5, 2_880)


@dataclass(frozen=True)
class ServerlessConfig:
    """How many environments of a function may run at once; none while nobody calls."""

    name: str
    model: str  # stacks/releases/STAGE/MODEL.json
    # Environments at once, each with one request at a time; more get 429. Reserved for
    # this function, so it is also what a month can cost at most: see docs/deploy.md.
    concurrency: int
    provisioned: int = 0  # environments kept warm, and paid for all the time
    memory_mib: int | None = None  # None: what the release needs, with a core at least
    timeout_seconds: int = 30  # of a request; the server itself gives up after 25
    public: bool = False  # True: anybody; False: whose IAM identity may call the URL
    canary: CanaryConfig = CanaryConfig()
    watch: FunctionWatchConfig = FunctionWatchConfig()
    mode: Literal["serverless"] = "serverless"
    runtime: Runtime = "flask"

    def check(self, stage: str) -> None:
        """Raise ConfigError naming stage, endpoint, field, value and bound."""
        checked = Checked(f"stage {stage}: endpoint {self.name}")
        for field in ("name", "model"):
            value = getattr(self, field)
            checked.matches(field, value, NAME, "lower-case words joined by hyphens")
        # Of the function's name, which has 64 characters, the rest is the stage's.
        length = len(f"{stage}-endpoint-{self.name}")
        if length > MOST_CHARACTERS:
            checked.refuse(
                "name",
                self.name,
                f"short enough: {stage}-endpoint-NAME may have {MOST_CHARACTERS} "
                f"characters, and has {length}",
            )
        checked.one_of("mode", self.mode, ("serverless",))
        checked.one_of("runtime", self.runtime, ("flask",))
        checked.flag("public", self.public)
        checked.whole("concurrency", self.concurrency, 1, MOST_AT_ONCE)
        # Two versions are warm while one replaces the other.
        checked.whole("provisioned", self.provisioned, 0, self.concurrency // 2)
        if self.memory_mib is not None:
            checked.whole("memory_mib", self.memory_mib, LEAST_MIB, MOST_MIB)
        checked.whole("timeout_seconds", self.timeout_seconds, 1, MOST_SECONDS)
        checked.parts(self)
        self.canary.check(checked)
        self.watch.check(checked)
        if self.watch.latency_slo_ms > 1000 * self.timeout_seconds:
            checked.refuse(
                "watch.latency_slo_ms",
                self.watch.latency_slo_ms,
                f"below timeout_seconds, {self.timeout_seconds}: nobody would be woken",
            )
