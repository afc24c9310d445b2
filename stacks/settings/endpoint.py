"""One released model that answers requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from manifest import Runtime
from stacks.settings.checked import NAME, Checked
from stacks.settings.compute import (
    Compute,
    FargateConfig,
    InstancesConfig,
    TaskSize,
)
from stacks.settings.door import Cognito, DoorConfig, Oidc
from stacks.settings.queued import AsynchronousConfig
from stacks.settings.rollout import RolloutConfig
from stacks.settings.scaling import ScalingConfig
from stacks.settings.serverless import ServerlessConfig
from stacks.settings.watch import WatchConfig

# How an endpoint is asked; each has settings of its own.
Mode = Literal["real-time", "asynchronous", "serverless"]


@dataclass(frozen=True)
class EndpointConfig:
    """How much of a model to run, on what, for whom; the release says which version."""

    name: str
    model: str  # stacks/releases/STAGE/MODEL.json
    scaling: ScalingConfig
    door: DoorConfig
    watch: WatchConfig
    mode: Literal["real-time"] = "real-time"
    runtime: Runtime = "flask"
    compute: Compute = FargateConfig()
    size: TaskSize | None = None  # None: what the release was measured to need
    rollout: RolloutConfig = RolloutConfig()

    @property
    def least_tasks(self) -> int:
        """Return how few tasks scaling may leave running."""
        scheduled = (each.min_tasks for each in self.scaling.schedule)
        return min([self.scaling.min_tasks, *scheduled])

    @property
    def most_tasks(self) -> int:
        """Return how many tasks run at most, while one release replaces another."""
        scheduled = (each.max_tasks for each in self.scaling.schedule)
        most, rollout = max([self.scaling.max_tasks, *scheduled]), self.rollout
        percent = 200 if rollout.shifts else rollout.max_healthy_percent
        return max(most, most * percent // 100)  # as ECS does: rounded down

    def check(self, stage: str) -> None:
        """Raise ConfigError naming stage, endpoint, field, value and bound."""
        checked = Checked(f"stage {stage}: endpoint {self.name}")
        for field in ("name", "model"):
            value = getattr(self, field)
            checked.matches(field, value, NAME, "lower-case words joined by hyphens")
        checked.one_of("mode", self.mode, ("real-time",))
        checked.one_of("runtime", self.runtime, get_args(Runtime))
        checked.parts(self)
        for part in (self.scaling, self.door, self.watch, self.compute, self.rollout):
            part.check(checked)
        if self.size is not None:
            self.size.check(checked)
        self._check_replaceable(checked)
        if isinstance(self.compute, InstancesConfig) and self.runtime == "flask":
            checked.within("compute.gpus", self.compute.gpus, 0, 0)  # LiteRT uses none
        signed_in = isinstance(self.door.access, Cognito | Oidc)
        if self.rollout.shifts and signed_in:
            checked.refuse(
                "rollout.kind",
                self.rollout.kind,
                "rolling: ECS shifts rules that forward and nothing else, and this"
                " door's rule signs people in first",
            )
        if self.rollout.checked and not self.door.internal:
            checked.refuse(
                "rollout.checked",
                True,
                "possible on the internet: the check calls from within the VPC",
            )

    def _check_replaceable(self, checked: Checked) -> None:
        """Refuse percentages between which not one task more or less may run."""
        least, rollout = self.least_tasks, self.rollout
        more = least * rollout.max_healthy_percent // 100 - least
        fewer = least - -(-least * rollout.min_healthy_percent // 100)
        if not rollout.shifts and not more and not fewer:
            checked.refuse(
                "rollout.max_healthy_percent",
                rollout.max_healthy_percent,
                f"enough: of {least} tasks at {rollout.min_healthy_percent} % or more"
                " healthy not one is ever replaced",
            )


# What runs tasks on ECS, and what Lambda runs.
TaskEndpoint = EndpointConfig | AsynchronousConfig
Endpoint = TaskEndpoint | ServerlessConfig
