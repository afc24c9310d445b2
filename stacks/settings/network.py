"""Where a stage's addresses come from: a network of its own, or one that is there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from stacks.settings.checked import Checked

# public: tasks have addresses of their own, and nothing reaches them but the balancer.
# private-endpoints: no way out but to the AWS services that tasks need.
# private-nat: a way out through NAT gateways.
NetworkKind = Literal["public", "private-endpoints", "private-nat"]

_VPC = re.compile(r"vpc-[0-9a-f]{8,17}")
_SUBNET = re.compile(r"subnet-[0-9a-f]{8,17}")


@dataclass(frozen=True)
class NewVpc:
    """A network that the stage makes. The kind is what costs: see `costs options`."""

    kind: NetworkKind
    cidr: str
    availability_zones: tuple[str, ...]  # spelled out: no lookup at synth
    nat_gateways: int = 1  # of private-nat: one, or one a zone
    flow_logs: bool = False  # what was let in and refused, charged by GB

    @property
    def public_tasks(self) -> bool:
        """Whether tasks have public addresses."""
        return self.kind == "public"

    def check(self, checked: Checked, region: str) -> None:
        """Raise ConfigError for what CloudFormation or the tasks would fail on."""
        checked.one_of("network.kind", self.kind, get_args(NetworkKind))
        checked.block("network.cidr", self.cidr, 16, 21)  # 3 zones, two subnets of /24
        _check_zones(checked, self.availability_zones, region)
        zones = len(self.availability_zones)
        checked.within("network.nat_gateways", self.nat_gateways, 1, zones)


@dataclass(frozen=True)
class ExistingVpc:
    """A network that somebody else keeps; it has an S3 gateway endpoint.

    Its ids are given, so that synth asks no account for them. Subnets are in the order
    of the zones.
    """

    vpc_id: str
    availability_zones: tuple[str, ...]
    task_subnet_ids: tuple[str, ...]
    balancer_subnet_ids: tuple[str, ...]
    public_tasks: bool  # True where the task subnets have no other way out

    def check(self, checked: Checked, region: str) -> None:
        """Raise ConfigError for ids that are none, or too few."""
        checked.matches("network.vpc_id", self.vpc_id, _VPC, "a VPC's id")
        _check_zones(checked, self.availability_zones, region)
        for field in ("task_subnet_ids", "balancer_subnet_ids"):
            ids: tuple[str, ...] = getattr(self, field)
            if len(ids) != len(self.availability_zones):
                checked.refuse(f"network.{field}", ids, "one subnet a zone")
            for subnet in ids:
                checked.matches(f"network.{field}", subnet, _SUBNET, "a subnet's id")


Network = NewVpc | ExistingVpc


def _check_zones(checked: Checked, zones: tuple[str, ...], region: str) -> None:
    if not 2 <= len(set(zones)) == len(zones) <= 3:
        checked.refuse("network.availability_zones", zones, "2 or 3, all different")
    for zone in zones:
        if zone[:-1] != region:
            checked.refuse("network.availability_zones", zone, f"a zone of {region}")
