"""One released model that answers files of a bucket: nothing runs between two of them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stacks.settings.checked import EMAIL, NAME, Checked
from stacks.settings.compute import TaskSize

_PLACE = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[^*?\[\]$]*")
_WANTED = "s3://BUCKET/PREFIX"
_CRON = re.compile(r"(cron|rate|at)\(.+\)")
MOST_TASKS = 10_000  # of an array job


@dataclass(frozen=True)
class JobSchedule:
    """Files that are answered at certain times; what is done is not answered again."""

    when: str  # as EventBridge Scheduler says it: cron(0 3 * * ? *), rate(1 day)
    source: str
    out: str  # the time it was meant for is appended
    tasks: int = 2
    timezone: str = "Etc/UTC"

    def check(self, checked: Checked) -> None:
        checked.matches("schedule.when", self.when, _CRON, "cron(...) or rate(...)")
        for field in ("source", "out"):
            value = getattr(self, field)
            checked.matches(f"schedule.{field}", value, _PLACE, _WANTED)
        checked.whole("schedule.tasks", self.tasks, 1, MOST_TASKS)


@dataclass(frozen=True)
class JobConfig:
    """What a job's tasks may read and write, and how many of them run at once."""

    name: str
    model: str  # stacks/releases/STAGE/MODEL.json
    reads: tuple[str, ...]  # s3://BUCKET/PREFIX
    writes: tuple[str, ...]
    most_tasks: int = 16  # at once, of all that are submitted
    spot: bool = True  # a task that is taken back loses the part it is at
    size: TaskSize | None = None  # None: what the release was measured to need
    attempts: int = 5  # of each task
    timeout_minutes: int = 24 * 60  # of each attempt
    schedule: JobSchedule | None = None
    emails: tuple[str, ...] = ()  # told of a job that failed

    def check(self, stage: str) -> None:
        """Raise ConfigError naming stage, job, field, value and bound."""
        checked = Checked(f"stage {stage}: job {self.name}")
        for field in ("name", "model"):
            value = getattr(self, field)
            checked.matches(field, value, NAME, "lower-case words joined by hyphens")
        checked.parts(self)
        for field in ("reads", "writes"):
            checked.several(field, getattr(self, field), least=1)
            for place in getattr(self, field):
                checked.matches(field, place, _PLACE, _WANTED)
        checked.whole("most_tasks", self.most_tasks, 1, MOST_TASKS)
        checked.flag("spot", self.spot)
        checked.whole("attempts", self.attempts, 1, 10)
        checked.whole("timeout_minutes", self.timeout_minutes, 1, 14 * 24 * 60)
        checked.several("emails", self.emails)
        for email in self.emails:
            checked.matches("emails", email, EMAIL, "an address")
        if self.size is not None:
            self.size.check(checked)
        if self.schedule is not None:
            self.schedule.check(checked)
            self._check_allowed(checked, self.schedule)

    def _check_allowed(self, checked: Checked, schedule: JobSchedule) -> None:
        for field, value, allowed in (
            ("schedule.source", schedule.source, self.reads),
            ("schedule.out", schedule.out, self.writes),
        ):
            if not value.startswith(allowed):
                checked.refuse(field, value, f"below one of {', '.join(allowed)}")
