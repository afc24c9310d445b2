"""One released model that answers requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from manifest import Runtime
from stacks.settings.checked import NAME, Checked
from stacks.settings.compute import Compute, FargateConfig, TaskSize
from stacks.settings.door import DoorConfig
from stacks.settings.rollout import RolloutConfig
from stacks.settings.scaling import ScalingConfig
from stacks.settings.watch import WatchConfig

Mode = Literal["real-time"]


@dataclass(frozen=True)
class EndpointConfig:
    """How much of a model to run, on what, for whom; the release says which version."""

    name: str
    model: str  # stacks/releases/STAGE/MODEL.json
    scaling: ScalingConfig
    door: DoorConfig
    watch: WatchConfig
    mode: Mode = "real-time"
    runtime: Runtime = "flask"
    compute: Compute = FargateConfig()
    size: TaskSize | None = None  # None: what the release was measured to need
    rollout: RolloutConfig = RolloutConfig()

    def check(self, stage: str) -> None:
        """Raise ConfigError naming stage, endpoint, field, value and bound."""
        checked = Checked(f"stage {stage}: endpoint {self.name}")
        for field in ("name", "model"):
            value = getattr(self, field)
            checked.matches(field, value, NAME, "lower-case words joined by hyphens")
        checked.one_of("mode", self.mode, get_args(Mode))
        checked.one_of("runtime", self.runtime, get_args(Runtime))
        for part in (self.scaling, self.door, self.watch, self.compute, self.rollout):
            part.check(checked)
        if self.size is not None:
            self.size.check(checked)
        if self.rollout.checked and not self.door.internal:
            checked.refuse(
                "rollout.checked",
                True,
                "possible on the internet: the check calls from within the VPC",
            )
