"""How many tasks run when: target tracking, with its delays, minute by minute.

The alarms are those that target tracking makes: three minutes above the target add
tasks, fifteen below nine tenths of it take some away
(https://fortem.dev/blog/ecs-fargate-autoscaling/, which quotes AWS's guide). The
cooldowns are those of stacks/scaling.py.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from costs.choosing.traffic import Profile

HIGH_MINUTES, LOW_MINUTES, LOW_SHARE = 3, 15, 0.9
METRIC_MINUTES = 1  # until CloudWatch has a minute's requests
OUT_MINUTES, IN_MINUTES = 1, 5  # between one step and the next
SETTLING_MINUTES = 120  # before a profile begins


@dataclass(frozen=True)
class Scaling:
    """Bounds and target of one service."""

    min_tasks: int
    max_tasks: int
    target: float  # requests a second and task
    start_seconds: float  # from the decision to the first answer of a new task

    @cached_property
    def start_minutes(self) -> int:
        return math.ceil(self.start_seconds / 60)


class Service:
    """The tasks of one service; `minute` is called once a minute."""

    def __init__(self, scaling: Scaling, tasks: int) -> None:
        self._scaling = scaling
        self.running = self.billed = tasks  # those that start are paid for too
        self._starting: deque[int] = deque([0] * scaling.start_minutes)
        self._unseen: deque[tuple[float, int]] = deque()
        self._rates: deque[float] = deque(maxlen=LOW_MINUTES)
        self._high = self._low = 0  # minutes, one after the other
        self._wait_out = self._wait_in = 0

    def minute(self, requests_per_second: float) -> None:
        """Take note of a minute's requests, and start and stop tasks after it."""
        self._unseen.append((requests_per_second, self.running))
        if len(self._unseen) > METRIC_MINUTES:
            rate, tasks = self._unseen.popleft()
            target = self._scaling.target * tasks
            self._high = self._high + 1 if rate > target else 0
            self._low = self._low + 1 if rate < LOW_SHARE * target else 0
            self._rates.append(rate)
        self._wait_out, self._wait_in = self._wait_out - 1, self._wait_in - 1
        if self._starting:
            self.running += self._starting.popleft()
        new = 0
        if self._high >= HIGH_MINUTES or self._low >= LOW_MINUTES:
            new = self._allowed(self._wanted() - self.billed)
        self.billed += new
        if self._scaling.start_minutes:
            self._starting.append(max(0, new))
        else:
            self.running = self.billed

    def _wanted(self) -> int:
        """Return the tasks that the alarm which has gone off calls for."""
        scaling, now = self._scaling, self.billed
        if self._high >= HIGH_MINUTES:
            wanted = math.ceil(self._rates[-1] / scaling.target)
            return min(scaling.max_tasks, max(now, wanted))
        wanted = math.ceil(max(self._rates) / scaling.target)
        return max(scaling.min_tasks, min(now, wanted))

    def _allowed(self, new: int) -> int:
        """Return how many more, or fewer, tasks the cooldowns let through; stop those."""
        if new > 0 and self._wait_out <= 0:
            self._wait_out = OUT_MINUTES
            return new
        if new < 0 and self._wait_in <= 0 and self.running == self.billed:
            self._wait_in = IN_MINUTES
            self.running += new
            return new
        return 0


class Minute(NamedTuple):
    requests_per_second: float
    running: int
    billed: int


@lru_cache(64)  # for searches ask again
def minutes(profile: Profile, scaling: Scaling) -> tuple[Minute, ...]:
    """Return every minute of a profile, once what came before it has settled."""
    if scaling.min_tasks == scaling.max_tasks:
        tasks = scaling.min_tasks
        return tuple(Minute(rate, tasks, tasks) for rate in profile.rates)
    settling = profile.rates[-SETTLING_MINUTES:]
    first = math.ceil(settling[0] / scaling.target)
    service = Service(scaling, min(scaling.max_tasks, max(scaling.min_tasks, first)))
    for rate in settling:
        service.minute(rate)
    found: list[Minute] = []
    for rate in profile.rates:
        found.append(Minute(rate, service.running, service.billed))
        service.minute(rate)
    return tuple(found)
