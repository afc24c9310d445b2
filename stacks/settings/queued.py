"""One released model that is asked through a queue, and answers when it has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from manifest import Runtime
from stacks.settings.checked import NAME, Checked
from stacks.settings.compute import (
    Compute,
    FargateConfig,
    InstancesConfig,
    TaskSize,
)

MOST_DAYS = 14  # that SQS keeps a message
_SOURCE = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/([\w!.*'()/-]+/)?")


@dataclass(frozen=True)
class QueueWatchConfig:
    """When somebody is woken about a queue, and who."""

    late_minutes: int = 60  # that a submission may wait; not one that names an object
    overdue_hours: int = 24  # until an object is answered
    emails: tuple[str, ...] = ()  # who is woken, besides what the topic is wired to
    dashboard: bool = True

    def check(self, checked: Checked) -> None:
        checked.whole("watch.late_minutes", self.late_minutes, 1, 20_000)
        checked.whole("watch.overdue_hours", self.overdue_hours, 1, 336)
        checked.flag("watch.dashboard", self.dashboard)
        checked.addresses("watch.emails", self.emails)


@dataclass(frozen=True)
class SubmissionConfig:
    """Who may submit what, and how long it is remembered."""

    public: bool = False  # True: anybody; False: whose IAM identity may call the URL
    expiry_days: int = 7  # then a submission, its answer and its source are forgotten
    # Calls at a time, more get 429. None: as many as the account has left; a new account
    # has ten, of which AWS lets nobody reserve one.
    concurrency: int | None = None
    webhooks: bool = False  # True: a submission may name an https address to be told at
    topic: bool = False  # True: an SNS topic is told of every outcome
    # Prefixes beside the endpoint's own bucket, which workers may read.
    sources: tuple[str, ...] = ()

    def check(self, checked: Checked) -> None:
        for field in ("public", "webhooks", "topic"):
            checked.flag(f"submissions.{field}", getattr(self, field))
        checked.whole("submissions.expiry_days", self.expiry_days, 1, MOST_DAYS)
        if self.concurrency is not None:
            checked.whole("submissions.concurrency", self.concurrency, 1, 1_000)
        checked.several("submissions.sources", self.sources)
        for source in self.sources:
            wanted = "a prefix that ends in a slash, as s3://bucket/folder/ does"
            checked.matches("submissions.sources", source, _SOURCE, wanted)


@dataclass(frozen=True)
class AsynchronousConfig:
    """How many workers a queue may have, on what; none while it is empty."""

    name: str
    model: str  # stacks/releases/STAGE/MODEL.json
    max_workers: int
    backlog_per_worker: int  # submissions that wait for each; with more, there are more
    idle_minutes: int = 15  # without any, then the last worker goes
    submissions: SubmissionConfig = SubmissionConfig()
    watch: QueueWatchConfig = QueueWatchConfig()
    compute: Compute = FargateConfig()
    size: TaskSize | None = None  # None: what the release was measured to need
    mode: Literal["asynchronous"] = "asynchronous"
    runtime: Runtime = "flask"

    @property
    def most_tasks(self) -> int:
        """Return how many tasks run at most: a release replaces another in place."""
        return self.max_workers

    def check(self, stage: str) -> None:
        """Raise ConfigError naming stage, endpoint, field, value and bound."""
        checked = Checked(f"stage {stage}: endpoint {self.name}")
        for field in ("name", "model"):
            value = getattr(self, field)
            checked.matches(field, value, NAME, "lower-case words joined by hyphens")
        checked.one_of("mode", self.mode, ("asynchronous",))
        checked.one_of("runtime", self.runtime, ("flask",))
        checked.whole("max_workers", self.max_workers, 1, 1_000)
        checked.whole("backlog_per_worker", self.backlog_per_worker, 1, 1_000_000)
        checked.whole("idle_minutes", self.idle_minutes, 2, 1_440)
        checked.parts(self)
        for part in (self.submissions, self.watch, self.compute):
            part.check(checked)
        if self.size is not None:
            self.size.check(checked)
        if isinstance(self.compute, InstancesConfig):
            checked.within("compute.gpus", self.compute.gpus, 0, 0)  # LiteRT uses none
