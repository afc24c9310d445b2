"""The way of a request: listener, rule, target group, and the security groups between."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from checks.deployed import Deployed, Part
from checks.finding import Finding
from checks.wiring.services import SERVICE, TARGETS, groups_of

BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
LISTENER = "AWS::ElasticLoadBalancingV2::Listener"
RULE = "AWS::ElasticLoadBalancingV2::ListenerRule"
GROUP = "AWS::EC2::SecurityGroup"
ANYWHERE = ("0.0.0.0/0", "::/0")
KEEP_ALIVE_SECONDS = 50  # of the servers: Flask 75, TF Serving 50 (libevent's own)


def priorities_are_taken_once(deployed: Deployed) -> Iterator[Finding]:
    taken: dict[tuple[Any, Any], str] = {}
    for rule in deployed.of(RULE):
        key = (rule.get("ListenerArn"), str(rule.get("Priority")))
        if key in taken:
            says = f"{key[1]} is {taken[key]}'s on the same listener"
            yield rule.wrong("duplicate-priority", "Priority", says)
        taken.setdefault(key, rule.logical_id)


def target_groups_are_filled_and_asked(deployed: Deployed) -> Iterator[Finding]:
    """A group that no service fills answers 503; one that no listener names is refused."""
    listening = [dict(each.properties) for each in deployed.of(LISTENER, RULE)]
    filled = {
        group
        for service in deployed.of(SERVICE)
        for balanced in service.items("LoadBalancers")
        for group in (each.logical_id for each in groups_of(balanced, deployed))
    }
    shifted = {  # ECS writes these into the listener's rule itself
        group.logical_id
        for service in deployed.of(SERVICE)
        for balanced in service.items("LoadBalancers")
        for group in groups_of(balanced, deployed)[1:]
    }
    for group in deployed.of(TARGETS):
        if not group.is_in(listening) and group.logical_id not in shifted:
            yield group.wrong("unasked-targets", "", "no listener forwards to it")
        if group.logical_id not in filled:
            yield group.wrong("unfilled-targets", "", "no service puts its tasks there")


def balancers_reach_their_tasks(deployed: Deployed) -> Iterator[Finding]:
    """Out of the balancer's security group and into the tasks', on the task's port."""
    for service in deployed.of(SERVICE):
        inside = service.items(
            "NetworkConfiguration.AwsvpcConfiguration.SecurityGroups"
        )
        tasks = deployed.all_named(inside, GROUP)
        for balanced in service.items("LoadBalancers"):
            port = balanced.get("ContainerPort")
            for balancer in _balancers(balanced, deployed):
                doors = deployed.all_named(balancer.items("SecurityGroups"), GROUP)
                if not any(_lets_in(t, doors, port, deployed) for t in tasks):
                    yield service.wrong(
                        "no-way-in",
                        "NetworkConfiguration.AwsvpcConfiguration.SecurityGroups",
                        f"none lets {balancer.logical_id} in on port {port}",
                    )
                if not any(_lets_out(d, tasks, port, deployed) for d in doors):
                    yield balancer.wrong(
                        "no-way-out",
                        "SecurityGroups",
                        f"none lets it out to {service.logical_id} on port {port}",
                    )


def only_public_balancers_are_open(deployed: Deployed) -> Iterator[Finding]:
    """0.0.0.0/0 comes in at a balancer that faces the internet, and nowhere else."""
    for group in deployed.of(GROUP):
        used_by = [
            part
            for part in deployed.parts
            if part.type not in (GROUP, f"{GROUP}Ingress", f"{GROUP}Egress")
            and part.stack == group.stack
            and group.is_in(dict(part.properties))
        ]
        public = used_by and all(
            part.type == BALANCER and part.get("Scheme") == "internet-facing"
            for part in used_by
        )
        for rule in _rules(group, "Ingress", deployed):
            block = rule.get("CidrIp") or rule.get("CidrIpv6")
            if block in ANYWHERE and not public:
                says = f"{block} on port {rule.get('FromPort')}, and it is no public balancer's"
                yield group.wrong("open-door", "SecurityGroupIngress", says)


def balancers_give_up_before_servers_do(deployed: Deployed) -> Iterator[Finding]:
    """Or they send a request into a connection that the server has just closed: 502."""
    name = "idle_timeout.timeout_seconds"
    for balancer in deployed.of(BALANCER):
        seconds = int(_attributes(balancer).get(name, 60))
        if seconds >= KEEP_ALIVE_SECONDS:
            says = f"{seconds}, but the server keeps a connection for {KEEP_ALIVE_SECONDS} s"
            yield balancer.wrong("idle-timeout", f"LoadBalancerAttributes.{name}", says)


def _attributes(part: Part) -> Mapping[str, str]:
    return {each["Key"]: each["Value"] for each in part.items("LoadBalancerAttributes")}


def _balancers(balanced: Mapping[str, Any], deployed: Deployed) -> list[Part]:
    """Return the balancers whose listeners lead to a service's target groups."""
    groups = groups_of(balanced, deployed)
    found: dict[str, Part] = {}
    for each in deployed.of(LISTENER, RULE):
        if any(group.is_in(dict(each.properties)) for group in groups):
            listener = deployed.named(each.get("ListenerArn"), LISTENER) or each
            balancer = deployed.named(listener.get("LoadBalancerArn"), BALANCER)
            if balancer is not None:
                found[balancer.logical_id] = balancer
    return list(found.values())


def _rules(group: Part, way: str, deployed: Deployed) -> list[Mapping[str, Any]]:
    """Return a group's rules: its own, and those that stand beside it."""
    own = group.items(f"SecurityGroup{way}")
    beside: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for each in deployed.of(f"{GROUP}{way}"):
        if group.names(each.get("GroupId")):
            beside[way].append(each.properties)
    return [*own, *beside[way]]


def _lets_in(task: Part, doors: list[Part], port: Any, deployed: Deployed) -> bool:
    return any(
        _covers(rule, port)
        and any(door.names(rule.get("SourceSecurityGroupId")) for door in doors)
        for rule in _rules(task, "Ingress", deployed)
    )


def _lets_out(door: Part, tasks: list[Part], port: Any, deployed: Deployed) -> bool:
    return any(
        _covers(rule, port)
        and (
            rule.get("CidrIp") in ANYWHERE
            or any(task.names(rule.get("DestinationSecurityGroupId")) for task in tasks)
        )
        for rule in _rules(door, "Egress", deployed)
    )


def _covers(rule: Mapping[str, Any], port: Any) -> bool:
    if rule.get("IpProtocol") == "-1":
        return True
    low, high = rule.get("FromPort"), rule.get("ToPort")
    return low is not None and high is not None and int(low) <= int(port) <= int(high)
