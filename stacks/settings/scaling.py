"""How many tasks an endpoint runs, and when."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stacks.settings.checked import Checked

_CRON = re.compile(r"(([0-9*?,/L#W-]|[A-Z]{3})+ ){5}[0-9*,/-]+")
_ZONE = re.compile(r"[A-Z][A-Za-z]+(/[A-Za-z0-9_+-]+)+")


@dataclass(frozen=True)
class Scheduled:
    """From a time on, other bounds, until the next such time."""

    cron: str  # minute hour day month weekday year, as EventBridge has them
    min_tasks: int
    max_tasks: int
    time_zone: str = "Etc/UTC"


@dataclass(frozen=True)
class ScalingConfig:
    """Tasks are added while any of the measures is above its target."""

    min_tasks: int
    max_tasks: int
    load_percent: int  # of the requests a second its release was measured to sustain
    cpu_percent: int | None = None  # average of all tasks; None: not scaled by it
    in_flight: float | None = None  # requests a task works on at a time, on average
    schedule: tuple[Scheduled, ...] = ()

    def check(self, checked: Checked) -> None:
        """Raise ConfigError for bounds that are upside down or targets never met."""
        checked.whole("scaling.min_tasks", self.min_tasks, 1, 1_000)
        checked.whole("scaling.max_tasks", self.max_tasks, self.min_tasks, 1_000)
        checked.whole("scaling.load_percent", self.load_percent, 5, 95)
        if self.cpu_percent is not None:
            checked.whole("scaling.cpu_percent", self.cpu_percent, 10, 95)
        if self.in_flight is not None:
            checked.within("scaling.in_flight", self.in_flight, 0.1, 1_000)
        checked.several("scaling.schedule", self.schedule)
        for scheduled in self.schedule:
            where = f"scaling.schedule[{scheduled.cron}]"
            checked.matches(where, scheduled.cron, _CRON, "six fields: m h d M w y")
            zone = scheduled.time_zone
            checked.matches(f"{where}.time_zone", zone, _ZONE, "as Europe/Berlin is")
            low, high = scheduled.min_tasks, scheduled.max_tasks
            checked.whole(f"{where}.min_tasks", low, 1, 1_000)
            checked.whole(f"{where}.max_tasks", high, low, 1_000)
