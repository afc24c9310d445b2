"""How large a task of an endpoint is, and how much it can do."""

from __future__ import annotations

import math

from costs.fargate import HEADROOM, FargateSize, SizeError, fargate_size
from manifest import Manifest, ManifestError
from stacks.settings.checked import ConfigError
from stacks.settings.compute import FargateConfig, TaskSize
from stacks.settings.endpoint import Endpoint
from stacks.settings.job import JobConfig

CPU_UNITS = 1024  # of one vCPU


def task_size(config: Endpoint, release: Manifest) -> TaskSize:
    """Return what the config says, else what the release was measured to need.

    On Fargate that is the cheapest size sold that holds it. Raises ConfigError naming
    endpoint, field and value.
    """
    try:
        return _size(config, release)
    except (ManifestError, SizeError) as error:
        raise ConfigError(f"endpoint {config.name}: {error}") from None


def _size(config: Endpoint, release: Manifest) -> TaskSize:
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


def cpu_units(vcpu: float) -> int:
    return round(vcpu * CPU_UNITS)
