"""How many cores this process may really use, however many the host has."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

CGROUP_ROOT = Path("/sys/fs/cgroup")
CGROUP_OF_SELF = Path("/proc/self/cgroup")


def usable_cores(root: Path = CGROUP_ROOT, membership: Path = CGROUP_OF_SELF) -> int:
    """Return the whole cores to spread work over: at least 1.

    The least of the CPU affinity, each cgroup quota above this process (v1 and v2),
    and SERVER_VCPU: a Fargate task's quota sits in a cgroup that its containers
    cannot see, so its task definition says it in the environment.
    """
    bounds = [float(len(os.sched_getaffinity(0))), *_quotas(root, membership)]
    if vcpu := os.environ.get("SERVER_VCPU"):
        bounds.append(float(vcpu))
    return max(1, math.ceil(min(bounds)))


def _quotas(root: Path, membership: Path) -> Iterator[float]:
    """Yield each quota in force, in cores."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            for group in _upwards(root, path):
                yield from _cores(_words(group / "cpu.max"))
        elif "cpu" in controllers.split(","):
            for group in _upwards(root / controllers, path):
                quota = _words(group / "cpu.cfs_quota_us")
                yield from _cores(quota + _words(group / "cpu.cfs_period_us"))


def _upwards(root: Path, path: str) -> Iterator[Path]:
    """Yield a group and those above it; a quota on any of them binds.

    Inside a container the group's own path is often not mounted, its root is.
    """
    group = root / path.lstrip("/")
    while group != root:
        yield group
        group = group.parent
    yield root


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []


def _cores(quota_and_period: list[str]) -> Iterator[float]:
    match quota_and_period:
        case [quota, period] if quota.isdigit() and int(period) > 0:
            yield int(quota) / int(period)
