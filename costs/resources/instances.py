"""EC2 instances: Auto Scaling groups, and those that ECS or Batch manages."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from costs.assembly import AssemblyError, Resource, amount
from costs.charges import HOURS, Charge, Estimate, Rates
from costs.instances import InstanceType, instance_type
from costs.resources.pools import needed_instances, providers_of, resting
from costs.scale import Scale, counted

_ON_DEMAND, _SPOT = "EC2", "EC2 Spot"
_GP3_IOPS, _GP3_MBPS = 3000, 125  # that every volume has
_MONITORING = "LaunchTemplateData.Monitoring.Enabled"
_AGENT_MEASURES = "nvidia_gpu"  # in user data: what the CloudWatch agent is told
_MANAGED_DISK_GIB = 80  # of a managed instance whose provider does not say


def auto_scaling_group(resource: Resource, rates: Rates) -> Estimate:
    """Price a group's instances with their disks and public addresses.

    Of several types the cheapest runs, but at maximum scale the dearest. The minimum
    is no fewer than the tasks that scaling always keeps need.
    """
    template = _launch_template(resource, rates)
    types = _types(resource, template)
    providers = providers_of(resource, rates)
    needed = needed_instances(providers, types, rates)
    least = max(resource.number("MinSize"), needed.minimum)
    most = max(resource.number("MaxSize"), least)
    count = Scale(least, min(max(least, needed.expected), most), most)
    bought = _bought(resource, count)
    charges = [
        *(
            charge
            for market, share in bought.items()
            for charge in _hours(market, types, share * HOURS, rates)
        ),
        *_disks(template, count, rates),
        *_addresses(_public(resource, template, rates), count, rates),
        *_metrics(template.get(_MONITORING, False) in (True, "true"), count, rates),
        *_gpu_metrics(template, types, count, rates),
    ]
    described = _described(types, count, bought, rates)
    return Estimate(described, resting(charges, providers, rates))


def capacity_provider(resource: Resource, rates: Rates) -> Estimate:
    """Price instances that ECS manages, as many as tasks need, and ECS's fee."""
    managed = "ManagedInstancesProvider.InstanceLaunchTemplate"
    if resource.get(managed, None) is None:
        return Estimate("its Auto Scaling group is priced")
    names = resource.items(f"{managed}.InstanceRequirements.AllowedInstanceTypes")
    if not names:
        where = f"{managed}.InstanceRequirements.AllowedInstanceTypes"
        raise AssemblyError(f"{resource}: {where}: none, so their price is not known")
    types = [instance_type(name) for name in names]
    providers = {resource.get("Name", resource.name), resource.name}
    count = needed_instances(providers, types, rates)
    spot = resource.get(f"{managed}.CapacityOptionType", "ON_DEMAND") == "SPOT"
    market = _SPOT if spot else _ON_DEMAND
    disk = resource.number(
        f"{managed}.StorageConfiguration.StorageSizeGiB", _MANAGED_DISK_GIB
    )
    hours = count * HOURS
    charges = [
        *_hours(market, types, hours, rates),
        *_fees(types, hours, rates),
        rates.charge("EBS", "gp3 storage", count * disk),
        *_addresses(
            _in_public(
                resource.items(f"{managed}.NetworkConfiguration.Subnets"), rates
            ),
            count,
            rates,
        ),
        *_metrics(
            resource.get(f"{managed}.Monitoring", "") == "DETAILED", count, rates
        ),
    ]
    described = _described(types, count, {market: count}, rates)
    return Estimate(described, resting(charges, providers, rates))


def compute_environment(resource: Resource, rates: Rates) -> Estimate:
    """Price the hours that training jobs keep Batch's instances; none runs without."""
    if resource.number("ComputeResources.MinvCpus", 0):
        raise AssemblyError(f"{resource}: ComputeResources.MinvCpus: only 0 is priced")
    kind = resource.get("ComputeResources.Type")
    markets = {"EC2": _ON_DEMAND, "SPOT": _SPOT}
    if kind not in markets:
        raise AssemblyError(f"{resource}: ComputeResources.Type: {kind!r}: not priced")
    names = resource.items("ComputeResources.InstanceTypes")
    types = [instance_type(str(name)) for name in names]
    if not types:
        raise AssemblyError(f"{resource}: ComputeResources.InstanceTypes: none")
    rests_on = ("builds_per_month", "training_hours")
    hours = rates.usage.builds_per_month * rates.usage.training_hours
    charges = _hours(markets[kind], types, hours, rates, *rests_on)
    spot = "Spot " if kind == "SPOT" else ""
    return Estimate(f"training on {spot}{_named(types, rates)}", tuple(charges))


def _launch_template(group: Resource, rates: Rates) -> Resource:
    mixed = "MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification"
    wanted = group.get(mixed, None) or group.get("LaunchTemplate", None) or {}
    names = (wanted.get("LaunchTemplateId"), wanted.get("LaunchTemplateName"))
    for found in rates.stack_of(group).of_type("AWS::EC2::LaunchTemplate"):
        if {found.name, found.get("LaunchTemplateName", found.name)} & set(names):
            return found
    raise AssemblyError(f"{group}: LaunchTemplate: none of the stack is {names}")


def _types(group: Resource, template: Resource) -> list[InstanceType]:
    overrides = group.items("MixedInstancesPolicy.LaunchTemplate.Overrides")
    names = [override.get("InstanceType") for override in overrides]
    if None in names:
        raise AssemblyError(
            f"{group}: MixedInstancesPolicy.LaunchTemplate.Overrides: without an"
            " InstanceType, so their price is not known"
        )
    names = names or [template.get("LaunchTemplateData.InstanceType")]
    return [instance_type(str(name)) for name in names]


def _bought(group: Resource, count: Scale) -> Mapping[str, Scale]:
    """Return instances by market: Auto Scaling rounds On-Demand ones up."""
    where = "MixedInstancesPolicy.InstancesDistribution"
    base = group.number(f"{where}.OnDemandBaseCapacity", 0)
    share = group.number(f"{where}.OnDemandPercentageAboveBaseCapacity", 100) / 100

    def on_demand(instances: float) -> float:
        return min(instances, base) + math.ceil(max(0.0, instances - base) * share)

    kept = Scale.of(on_demand, count)
    markets = {_ON_DEMAND: kept, _SPOT: count - kept}
    return {name: found for name, found in markets.items() if found.maximum}


def _hours(
    market: str,
    types: list[InstanceType],
    hours: Scale,
    rates: Rates,
    *assumptions: str,
) -> Iterator[Charge]:
    """Yield hours of the cheapest type, and at maximum of the dearest."""
    low, high = _ends(market, types, rates)
    usual = Scale(hours.minimum, hours.expected, 0)
    parts = {low: hours}
    if low != high:
        parts = {low: usual, high: Scale(0, 0, hours.maximum)}
    for name, part in parts.items():
        if part.largest or low == high:
            charge = rates.charge(market, name, part, *assumptions)
            yield _planned(charge, rates) if market == _ON_DEMAND else charge


def _fees(types: list[InstanceType], hours: Scale, rates: Rates) -> Iterator[Charge]:
    """Yield what ECS takes for instances that it manages: no savings plan covers it."""
    name = "managed_instances_fee"
    for charge in _hours(_ON_DEMAND, types, hours, rates):
        yield Charge(charge.price, charge.quantity, (name,), rates.usage[name])


def _planned(charge: Charge, rates: Rates) -> Charge:
    """Return the charge with what a savings plan takes off, if there is one."""
    name = "savings_plan_discount"
    return charge.less(rates.usage[name], name)


def _disks(template: Resource, count: Scale, rates: Rates) -> Iterator[Charge]:
    where = "LaunchTemplateData.BlockDeviceMappings"
    disks = [device["Ebs"] for device in template.items(where) if "Ebs" in device]
    if not disks:
        raise AssemblyError(f"{template}: {where}: none, so its disk is not known")
    for disk in disks:
        own = {
            name: amount(f"{template}: {where}.Ebs.{name}", disk.get(name, 0))
            for name in ("VolumeSize", "Iops", "Throughput")
        }
        kind = disk.get("VolumeType")
        if kind != "gp3":
            raise AssemblyError(f"{template}: {where}: {kind!r}: only gp3 is priced")
        figures = (
            ("storage", own["VolumeSize"]),
            ("IOPS above 3,000", own["Iops"] - _GP3_IOPS),
            ("throughput above 125 MB/s", own["Throughput"] - _GP3_MBPS),
        )
        for item, figure in figures:
            if figure > 0:
                yield rates.charge("EBS", f"gp3 {item}", count * figure)


def _addresses(public: bool, count: Scale, rates: Rates) -> Iterator[Charge]:
    if public:
        yield rates.charge("Public IPv4", "address in use", count * HOURS)


def _public(group: Resource, template: Resource, rates: Rates) -> bool:
    """Tell whether the template, or else the subnets, give public addresses."""
    interfaces = template.items("LaunchTemplateData.NetworkInterfaces")
    given = [each.get("AssociatePublicIpAddress") for each in interfaces]
    for each in given:
        if each is not None:
            return each in (True, "true")
    return _in_public(group.items("VPCZoneIdentifier"), rates)


def _in_public(subnets: list[Any], rates: Rates) -> bool:
    return any(
        subnet.get("MapPublicIpOnLaunch", False) in (True, "true")
        for stack in rates.assembly.stacks
        for subnet in stack.of_type("AWS::EC2::Subnet")
        if subnet.name in subnets
    )


def _metrics(detailed: bool, count: Scale, rates: Rates) -> Iterator[Charge]:
    if detailed:
        name, item = "detailed_metrics_per_instance", "custom metric, first 10,000"
        yield rates.charge("CloudWatch", item, count * rates.usage[name], name)


def _gpu_metrics(
    template: Resource, types: list[InstanceType], count: Scale, rates: Rates
) -> Iterator[Charge]:
    """Yield what the CloudWatch agent sends of each GPU, and of all of them together."""
    if _AGENT_MEASURES not in json.dumps(template.properties):
        return
    gpus = [kind.gpus for kind in types]
    seen = count * Scale(min(gpus), min(gpus), max(gpus))
    seen += Scale.of(lambda instances: float(instances > 0), seen)
    name, item = "agent_metrics_per_gpu", "custom metric, first 10,000"
    yield rates.charge("CloudWatch", item, seen * rates.usage[name], name)


def _ends(market: str, types: list[InstanceType], rates: Rates) -> tuple[str, str]:
    """Return the cheapest and the dearest of some types in a market."""
    priced = {kind.name: rates.book.price(market, kind.name).usd for kind in types}
    return min(priced, key=priced.__getitem__), max(priced, key=priced.__getitem__)


def _described(
    types: list[InstanceType], count: Scale, bought: Mapping[str, Scale], rates: Rates
) -> str:
    markets = {(_SPOT,): "Spot ", (_ON_DEMAND, _SPOT): "part Spot "}
    text = counted(count, f"{markets.get(tuple(bought), '')}instance")
    return f"{text}, {_named(types, rates)}"


def _named(types: list[InstanceType], rates: Rates) -> str:
    low, high = _ends(_ON_DEMAND, types, rates)
    if low == high:
        return low
    return f"{low} (cheapest) to {high} (dearest of {len(types)})"
