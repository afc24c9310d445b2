"""How a new release replaces the one that runs, and what takes it back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from stacks.settings.checked import Checked

# rolling: task by task behind one target group.
# canary: step_percent of requests first, the rest after step_minutes.
# linear: step_percent more every step_minutes.
# blue-green: all at once, with the old tasks kept for bake_minutes.
RolloutKind = Literal["rolling", "canary", "linear", "blue-green"]


@dataclass(frozen=True)
class RolloutConfig:
    """Every kind is rolled back by the endpoint's alarms while it goes on."""

    kind: RolloutKind = "rolling"
    step_percent: float = 10  # of requests; canary and linear
    step_minutes: int = 5  # canary and linear
    bake_minutes: int = 5  # both revisions run, and alarms still take it back
    min_healthy_percent: int = 100  # of the tasks wanted, while they are replaced
    max_healthy_percent: int = 200  # a GPU task needs a free GPU to be replaced by
    # A held-out sample is asked through the load balancer before requests are, and
    # its answers may differ from those at build by no more than this probability.
    checked: bool = True
    tolerance: float = 0.02

    @property
    def shifts(self) -> bool:
        """Whether requests move between two target groups."""
        return self.kind != "rolling"

    def check(self, checked: Checked) -> None:
        """Raise ConfigError for what ECS would refuse, or never finish."""
        checked.one_of("rollout.kind", self.kind, get_args(RolloutKind))
        least = 3 if self.kind == "linear" else 0.1
        checked.within("rollout.step_percent", self.step_percent, least, 99.9)
        checked.whole("rollout.step_minutes", self.step_minutes, 0, 1_440)
        checked.whole("rollout.bake_minutes", self.bake_minutes, 0, 1_440)
        checked.whole("rollout.min_healthy_percent", self.min_healthy_percent, 0, 100)
        checked.whole("rollout.max_healthy_percent", self.max_healthy_percent, 100, 200)
        if self.min_healthy_percent == self.max_healthy_percent == 100:
            checked.refuse(
                "rollout.max_healthy_percent", 100, "above 100, or no task is replaced"
            )
        if round(self.step_percent, 1) != self.step_percent:
            checked.refuse("rollout.step_percent", self.step_percent, "in tenths")
        checked.flag("rollout.checked", self.checked)
        checked.within("rollout.tolerance", self.tolerance, 0, 1)
