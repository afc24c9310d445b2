"""What is asked of an endpoint."""

from __future__ import annotations

from dataclasses import dataclass

from costs.choosing.queueing import MAX_WAIT_MS
from costs.choosing.traffic import Profile

LATE = 0.01  # of the requests may take longer than the p99 that is asked
# What is simulated is kept a little below, for the simulation errs too.
LATE_SIMULATED = 0.0088
LATE_SCALED = 0.007  # and more so where tasks come and go


@dataclass(frozen=True)
class Objective:
    """Traffic, and the time in which 99 % of its requests are answered.

    Over the whole profile; refused requests are not answered in time.
    """

    profile: Profile
    p99_ms: float
    at_least: int = 1  # tasks or instances, whatever the traffic
    budget: float | None = None  # USD a month
    max_wait_ms: float = MAX_WAIT_MS  # the server's own setting
    quality: float | None = None  # of a variant, at least
