"""Load balancers, listeners, rules and target groups, read back from ELBv2."""

from __future__ import annotations

from rehearsal.account import Account
from rehearsal.readers.reading import AtLeast, Properties, Reading, the_only

_TARGET_GROUP = [
    "HealthCheckEnabled",
    "HealthCheckIntervalSeconds",
    "HealthCheckPath",
    "HealthCheckPort",
    "HealthCheckProtocol",
    "HealthCheckTimeoutSeconds",
    "HealthyThresholdCount",
    "Matcher",
    "Port",
    "Protocol",
    "TargetType",
    "UnhealthyThresholdCount",
    "VpcId",
]


def load_balancer(account: Account, id_: str, given: Properties) -> Reading:
    elb = account.client("elbv2")
    answer = elb.describe_load_balancers(LoadBalancerArns=[id_])
    found = the_only(answer["LoadBalancers"])
    attributes = elb.describe_load_balancer_attributes(LoadBalancerArn=id_)
    return Reading(
        {
            "IpAddressType": found.get("IpAddressType"),
            "LoadBalancerAttributes": AtLeast(attributes["Attributes"]),
            "Scheme": found["Scheme"],
            "SecurityGroups": found["SecurityGroups"],
            "Subnets": [zone["SubnetId"] for zone in found["AvailabilityZones"]],
            "Type": found["Type"],
            "Tags": _tags(account, id_),
        },
        {
            "DNSName": found["DNSName"],
            "LoadBalancerArn": id_,
            "LoadBalancerFullName": id_.split(":loadbalancer/")[-1],
            "LoadBalancerName": found["LoadBalancerName"],
        },
    )


def target_group(account: Account, id_: str, given: Properties) -> Reading:
    elb = account.client("elbv2")
    found = the_only(elb.describe_target_groups(TargetGroupArns=[id_])["TargetGroups"])
    attributes = elb.describe_target_group_attributes(TargetGroupArn=id_)["Attributes"]
    return Reading(
        {name: found.get(name) for name in _TARGET_GROUP}
        | {"TargetGroupAttributes": AtLeast(attributes), "Tags": _tags(account, id_)},
        {
            "TargetGroupArn": id_,
            "TargetGroupFullName": id_.split(":")[-1],
            "TargetGroupName": found["TargetGroupName"],
        },
    )


def listener(account: Account, id_: str, given: Properties) -> Reading:
    answer = account.client("elbv2").describe_listeners(ListenerArns=[id_])
    found = the_only(answer["Listeners"])
    names = ("DefaultActions", "LoadBalancerArn", "Port", "Protocol", "SslPolicy")
    picked = {name: found.get(name) for name in names}
    return Reading({**picked, "Tags": _tags(account, id_)}, {"ListenerArn": id_})


def listener_rule(account: Account, id_: str, given: Properties) -> Reading:
    found = the_only(account.client("elbv2").describe_rules(RuleArns=[id_])["Rules"])
    names = ("Actions", "Conditions", "Priority")
    picked = {name: found.get(name) for name in names}
    return Reading({**picked, "Tags": _tags(account, id_)}, {"RuleArn": id_})


def _tags(account: Account, arn: str) -> AtLeast:
    answer = account.client("elbv2").describe_tags(ResourceArns=[arn])
    return AtLeast(the_only(answer["TagDescriptions"])["Tags"])
