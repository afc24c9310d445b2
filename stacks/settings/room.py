"""Whether a pool has room for its tasks while all of its endpoints are updated."""

from __future__ import annotations

import math
from collections.abc import Mapping

from costs.instances import InstanceType
from stacks.settings.checked import Checked
from stacks.settings.compute import InstancesConfig, PoolConfig, TaskSize
from stacks.settings.endpoint import TaskEndpoint

# The kernel and the ECS agent have the rest: an instance registers with ECS a tenth or
# less below the memory it is sold with. A judgement, on the safe side.
USABLE_MEMORY = 0.9


def tasks_an_instance(
    kind: InstanceType, gpus: int, size: TaskSize | None
) -> int | None:
    """Return how many tasks fit on an instance; None where no need of theirs is known."""
    fitting = []
    if gpus:
        fitting.append(kind.gpus // gpus)
    if size is not None:
        memory_mib = kind.memory_gib * 1024 * USABLE_MEMORY
        fitting.append(math.floor(kind.vcpu / size.vcpu))
        fitting.append(math.floor(memory_mib / size.memory_mib))
    return min(fitting, default=None)


def check_room(
    stage: str,
    pool: PoolConfig,
    endpoints: tuple[TaskEndpoint, ...],
    sizes: Mapping[str, TaskSize],
) -> None:
    """Raise ConfigError where an update might wait for ever for an instance.

    Every endpoint of the pool counts with the most tasks that an update runs, on the
    listed type that holds the fewest. `sizes` are of endpoints by name, where known.
    """
    needed: dict[str, int] = {}
    for endpoint in endpoints:
        compute = endpoint.compute
        if not isinstance(compute, InstancesConfig) or compute.pool != pool.name:
            continue
        size = sizes.get(endpoint.name, endpoint.size)
        checked = Checked(f"stage {stage}: endpoint {endpoint.name}")
        each = [_tasks(checked, pool, kind, compute.gpus, size) for kind in pool.types]
        known = [tasks for tasks in each if tasks is not None]
        if known:
            needed[endpoint.name] = math.ceil(endpoint.most_tasks / min(known))
    wanted = sum(needed.values())
    if wanted > pool.max_instances:
        named = ", ".join(f"{name} {count}" for name, count in needed.items())
        Checked(f"stage {stage}: pool {pool.name}").refuse(
            "max_instances",
            pool.max_instances,
            f"at least {wanted}, which updates may need at once (endpoint {named});"
            " rollout.kind and rollout.max_healthy_percent say how many more tasks run",
        )


def _tasks(
    checked: Checked,
    pool: PoolConfig,
    kind: InstanceType,
    gpus: int,
    size: TaskSize | None,
) -> int | None:
    tasks = tasks_an_instance(kind, gpus, size)
    if tasks == 0:
        held = f"{kind.vcpu} vCPU, {kind.memory_gib} GiB, {kind.gpus} GPUs"
        wanted = f"{gpus} GPUs" if size is None else f"{size}, {gpus} GPUs"
        checked.refuse(
            "compute.pool",
            pool.name,
            f"large enough: a task ({wanted}) does not fit on {kind.name} ({held})",
        )
    return tasks
