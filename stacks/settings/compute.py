"""What tasks run on: Fargate, or instances of the stage's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from costs.instances import InstanceError, InstanceType, instance_type
from manifest import Architecture
from stacks.settings.checked import NAME, Checked

ARCHITECTURES = get_args(Architecture)


@dataclass(frozen=True)
class TaskSize:
    """What a task is given where its release was not measured on the like of it."""

    vcpu: float
    memory_mib: int
    requests_per_second: float  # that one task sustains; scaling counts on it

    def check(self, checked: Checked) -> None:
        checked.within("size.vcpu", self.vcpu, 0.25, 192)
        checked.whole("size.memory_mib", self.memory_mib, 512, 2_000_000)
        checked.within("size.requests_per_second", self.requests_per_second, 0.01, 1e6)


@dataclass(frozen=True)
class FargateConfig:
    """Tasks without instances. Spot tasks are taken back at two minutes' notice."""

    architecture: Architecture = "x86_64"
    spot_percent: int = 0  # of the tasks above on_demand_base
    on_demand_base: int = 0  # tasks that are never Spot

    def check(self, checked: Checked) -> None:
        """Raise ConfigError for what ECS would refuse."""
        checked.one_of("compute.architecture", self.architecture, ARCHITECTURES)
        checked.whole("compute.spot_percent", self.spot_percent, 0, 100)
        checked.whole("compute.on_demand_base", self.on_demand_base, 0, 1_000)


@dataclass(frozen=True)
class InstancesConfig:
    """Tasks on one of the stage's pools of instances."""

    pool: str
    gpus: int = 0  # whole ones, for each task alone

    def check(self, checked: Checked) -> None:
        checked.whole("compute.gpus", self.gpus, 0, 8)


Compute = FargateConfig | InstancesConfig


@dataclass(frozen=True)
class PoolConfig:
    """EC2 instances of a stage's cluster, as many as its tasks need at a time.

    The types listed decide architecture and GPUs, which are the same for all of them.
    """

    name: str
    instance_types: tuple[
        str, ...
    ]  # first choice first; more types, fewer interruptions
    min_instances: int
    max_instances: int
    spot_percent: int = 0  # of the instances above on_demand_base
    on_demand_base: int = 0
    disk_gib: int = 60  # the GPU image's own size is 30
    managed: bool = False  # True: ECS Managed Instances, patched by AWS for a fee

    @property
    def types(self) -> tuple[InstanceType, ...]:
        """Return what the listed types have. Raises InstanceError for an unknown one."""
        return tuple(instance_type(name) for name in self.instance_types)

    @property
    def architecture(self) -> Architecture:
        return self.types[0].architecture

    @property
    def gpus(self) -> int:
        """Return the GPUs that each of its instances has at least."""
        return min(kind.gpus for kind in self.types)

    @property
    def reports_gpus(self) -> bool:
        """Whether its instances report their GPUs; ECS reports those it manages."""
        return self.gpus > 0 and not self.managed

    def check(self, checked: Checked) -> None:
        """Raise ConfigError for what Auto Scaling or ECS would refuse."""
        checked.matches("name", self.name, NAME, "lower-case words joined by hyphens")
        checked.several("instance_types", self.instance_types, least=1)
        self._check_types(checked)
        checked.whole("min_instances", self.min_instances, 0, 1_000)
        checked.whole("max_instances", self.max_instances, 1, 1_000)
        checked.whole("max_instances", self.max_instances, self.min_instances, 1_000)
        checked.whole("spot_percent", self.spot_percent, 0, 100)
        checked.whole("on_demand_base", self.on_demand_base, 0, self.max_instances)
        checked.whole("disk_gib", self.disk_gib, 30, 16_384)
        if self.managed:
            # What ECS Managed Instances cannot be told.
            checked.whole("min_instances", self.min_instances, 0, 0)
            checked.whole("on_demand_base", self.on_demand_base, 0, 0)
            checked.one_of("spot_percent", self.spot_percent, (0, 100))

    def _check_types(self, checked: Checked) -> None:
        if not self.instance_types:
            checked.refuse("instance_types", self.instance_types, "one or more types")
        if len(set(self.instance_types)) < len(self.instance_types):
            checked.refuse("instance_types", self.instance_types, "all different")
        try:
            types = self.types
        except InstanceError as error:
            checked.refuse("instance_types", self.instance_types, f"known: {error}")
        for kind in types:
            if kind.architecture != self.architecture:
                wanted = f"{self.architecture} as {self.instance_types[0]} is"
                checked.refuse("instance_types", kind.name, wanted)
        if len({bool(kind.gpus) for kind in types}) > 1:
            checked.refuse(
                "instance_types", self.instance_types, "all with GPUs, or all without"
            )
