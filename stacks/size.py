"""How large a task or a function of an endpoint is, and how much it can do."""

from __future__ import annotations

import math

from costs.fargate import HEADROOM, FargateSize, SizeError, fargate_size
from costs.functions import MB_A_VCPU
from manifest import Manifest, ManifestError
from stacks.settings.checked import Checked, ConfigError
from stacks.settings.compute import FargateConfig, TaskSize
from stacks.settings.endpoint import TaskEndpoint
from stacks.settings.job import JobConfig
from stacks.settings.serverless import MOST_MIB, ServerlessConfig

CPU_UNITS = 1024  # of one vCPU


def task_size(config: TaskEndpoint, release: Manifest) -> TaskSize:
    """Return what the config says, else what the release was measured to need.

    On Fargate that is the cheapest size sold that holds it. Raises ConfigError naming
    endpoint, field and value.
    """
    try:
        return _size(config, release)
    except (ManifestError, SizeError) as error:
        raise ConfigError(f"endpoint {config.name}: {error}") from None


def _size(config: TaskEndpoint, release: Manifest) -> TaskSize:
    wanted, on_fargate = config.size, isinstance(config.compute, FargateConfig)
    if wanted is not None:
        if on_fargate:
            FargateSize(cpu_units(wanted.vcpu), wanted.memory_mib)
        return wanted
    if config.runtime != release.runtime:
        raise ConfigError(
            f"endpoint {config.name}: size: None is not given, and nobody measured what"
            f" {config.runtime} needs: the release was measured through {release.runtime}"
        )
    _, serving = release.measured()
    if on_fargate:
        size = fargate_size(serving.memory_mib, vcpu=serving.vcpu)
        return TaskSize(size.vcpu, size.memory_mib, serving.requests_per_second)
    memory_mib = math.ceil(serving.memory_mib * HEADROOM)
    return TaskSize(serving.vcpu, memory_mib, serving.requests_per_second)


def job_size(config: JobConfig, release: Manifest) -> TaskSize:
    """As `task_size`, of a job's tasks. Raises ConfigError naming job, field and value."""
    try:
        if config.size is not None:
            FargateSize(cpu_units(config.size.vcpu), config.size.memory_mib)
            return config.size
        _, serving = release.measured()
        size = fargate_size(serving.memory_mib, vcpu=serving.vcpu)
    except (ManifestError, SizeError) as error:
        raise ConfigError(f"job {config.name}: {error}") from None
    return TaskSize(size.vcpu, size.memory_mib, serving.requests_per_second)


def function_memory(config: ServerlessConfig, release: Manifest) -> int:
    """Return the MiB that a function is given: by the config, else by the release.

    That is a whole core at least, which Lambda gives with its memory. With less, a
    request takes longer by as much as a second of it is cheaper, and costs the same.
    Raises ConfigError naming endpoint, field, value and bound.
    """
    checked = Checked(f"endpoint {config.name}")
    if config.memory_mib is not None:
        needs = release.serving.memory_mib if release.serving else 0
        checked.whole("memory_mib", config.memory_mib, math.ceil(needs), MOST_MIB)
        return config.memory_mib
    try:
        _, serving = release.measured()
    except ManifestError as error:
        raise ConfigError(f"endpoint {config.name}: {error}") from None
    needed = math.ceil(serving.memory_mib * HEADROOM)
    if needed > MOST_MIB:
        checked.refuse(
            "serving.memory_mib",
            serving.memory_mib,
            f"enough for a function: with headroom it needs {needed} MiB of {MOST_MIB}",
        )
    return max(MB_A_VCPU, needed)


def cpu_units(vcpu: float) -> int:
    return round(vcpu * CPU_UNITS)
