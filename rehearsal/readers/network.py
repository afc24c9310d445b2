"""VPCs, subnets, routes, endpoints and security groups, read back from EC2."""

from __future__ import annotations

from typing import Any

from rehearsal.account import Account
from rehearsal.readers.reading import AtLeast, Properties, Reading, the_only


def vpc(account: Account, id_: str, given: Properties) -> Reading:
    ec2 = account.client("ec2")
    found = the_only(ec2.describe_vpcs(VpcIds=[id_])["Vpcs"])
    dns = {
        name: ec2.describe_vpc_attribute(
            VpcId=id_, Attribute=name[0].lower() + name[1:]
        )[name]["Value"]
        for name in ("EnableDnsHostnames", "EnableDnsSupport")
    }
    attributes = {"VpcId": id_, "CidrBlock": found["CidrBlock"]}
    return Reading(_picked(found, "CidrBlock", "InstanceTenancy") | dns, attributes)


def subnet(account: Account, id_: str, given: Properties) -> Reading:
    found = the_only(account.client("ec2").describe_subnets(SubnetIds=[id_])["Subnets"])
    names = ("AvailabilityZone", "CidrBlock", "MapPublicIpOnLaunch", "VpcId")
    return Reading(_picked(found, *names), {"SubnetId": id_})


def route_table(account: Account, id_: str, given: Properties) -> Reading:
    return Reading(_picked(_route_table(account, id_), "VpcId"), {"RouteTableId": id_})


def subnet_association(account: Account, id_: str, given: Properties) -> Reading:
    table = _route_table(account, given["RouteTableId"])
    found = the_only(
        [a for a in table["Associations"] if a["RouteTableAssociationId"] == id_]
    )
    return Reading({name: found.get(name) for name in ("RouteTableId", "SubnetId")})


def route(account: Account, id_: str, given: Properties) -> Reading:
    table = _route_table(account, given["RouteTableId"])
    goal = "DestinationCidrBlock"
    found = the_only([r for r in table["Routes"] if r.get(goal) == given.get(goal)])
    names = (goal, "GatewayId", "NatGatewayId")
    return Reading({"RouteTableId": given["RouteTableId"]} | _picked(found, *names))


def internet_gateway(account: Account, id_: str, given: Properties) -> Reading:
    found = _internet_gateway(account, id_)
    tags = {"Tags": AtLeast(found.get("Tags", []))}
    return Reading(tags, {"InternetGatewayId": id_})


def gateway_attachment(account: Account, id_: str, given: Properties) -> Reading:
    found = _internet_gateway(account, given["InternetGatewayId"])
    attachment = the_only(
        [a for a in found["Attachments"] if a["VpcId"] == given["VpcId"]]
    )
    gateway = {"InternetGatewayId": found["InternetGatewayId"]}
    return Reading(gateway | _picked(attachment, "VpcId"))


def vpc_endpoint(account: Account, id_: str, given: Properties) -> Reading:
    ec2 = account.client("ec2")
    found = the_only(ec2.describe_vpc_endpoints(VpcEndpointIds=[id_])["VpcEndpoints"])
    names = ("RouteTableIds", "ServiceName", "SubnetIds", "VpcEndpointType", "VpcId")
    picked = _picked(found, *names)
    # MiniStack leaves these two out of its answer, whatever they are.
    if "PrivateDnsEnabled" in found:
        picked["PrivateDnsEnabled"] = found["PrivateDnsEnabled"]
    if "Groups" in found:
        picked["SecurityGroupIds"] = [group["GroupId"] for group in found["Groups"]]
    return Reading(picked)


def address(account: Account, id_: str, given: Properties) -> Reading:
    every = account.client("ec2").describe_addresses()["Addresses"]
    found = the_only([each for each in every if each["PublicIp"] == id_])
    ids = {name: found[name] for name in ("AllocationId", "PublicIp")}
    return Reading(_picked(found, "Domain"), ids)


def nat_gateway(account: Account, id_: str, given: Properties) -> Reading:
    ec2 = account.client("ec2")
    every = ec2.describe_nat_gateways(NatGatewayIds=[id_])["NatGateways"]
    found = the_only([each for each in every if each["State"] == "available"])
    picked = _picked(found, "SubnetId")
    # MiniStack leaves the addresses out of its answer.
    if addresses := found.get("NatGatewayAddresses"):
        picked["AllocationId"] = addresses[0]["AllocationId"]
    return Reading(picked, {"NatGatewayId": id_})


def flow_log(account: Account, id_: str, given: Properties) -> Reading:
    answer = account.client("ec2").describe_flow_logs(FlowLogIds=[id_])
    found = the_only(answer["FlowLogs"])
    names = ("LogDestinationType", "ResourceId", "TrafficType")
    # MiniStack names the group where AWS has its ARN.
    group = found.get("LogGroupName") or found.get("LogDestination")
    return Reading({"LogGroupName": group} | _picked(found, *names), {"Id": id_})


def security_group(account: Account, id_: str, given: Properties) -> Reading:
    ec2 = account.client("ec2")
    found = the_only(ec2.describe_security_groups(GroupIds=[id_])["SecurityGroups"])
    return Reading(
        {
            "GroupDescription": found["Description"],
            "VpcId": found["VpcId"],
            "Tags": AtLeast(found.get("Tags", [])),
            "SecurityGroupIngress": _rules(found["IpPermissions"], "Source"),
            "SecurityGroupEgress": _rules(found["IpPermissionsEgress"], "Destination"),
        },
        {"GroupId": id_, "VpcId": found["VpcId"]},
    )


def security_group_rule(account: Account, id_: str, given: Properties) -> Reading:
    ec2 = account.client("ec2")
    asked = {"SecurityGroupRuleIds": [id_]}
    rules = ec2.describe_security_group_rules(**asked)["SecurityGroupRules"]
    found = the_only([rule for rule in rules if rule["SecurityGroupRuleId"] == id_])
    peer = "Destination" if found["IsEgress"] else "Source"
    names = ("GroupId", "IpProtocol", "FromPort", "ToPort", "Description")
    return Reading(
        {
            **_picked(found, *names),
            "CidrIp": found.get("CidrIpv4"),
            f"{peer}SecurityGroupId": found.get("ReferencedGroupInfo", {}).get(
                "GroupId"
            ),
        }
    )


def _route_table(account: Account, id_: str) -> dict[str, Any]:
    ec2 = account.client("ec2")
    return the_only(ec2.describe_route_tables(RouteTableIds=[id_])["RouteTables"])


def _internet_gateway(account: Account, id_: str) -> dict[str, Any]:
    asked = account.client("ec2").describe_internet_gateways(InternetGatewayIds=[id_])
    return the_only(asked["InternetGateways"])


def _rules(permissions: list[dict[str, Any]], peer: str) -> AtLeast:
    """Write each rule as templates do; standalone rules of the group are among them."""
    rules = AtLeast()
    for permission in permissions:
        names = ("IpProtocol", "FromPort", "ToPort")
        base = {name: permission[name] for name in names if name in permission}
        rules += [base | range_ for range_ in permission.get("IpRanges", [])]
        for pair in permission.get("UserIdGroupPairs", []):
            group = {f"{peer}SecurityGroupId": pair["GroupId"]}
            rules.append({**base, **pair, **group})
    return rules


def _picked(found: dict[str, Any], *names: str) -> dict[str, Any]:
    tags = found.get("Tags")
    picked = {name: found.get(name) for name in names}
    return picked | ({"Tags": AtLeast(tags)} if tags else {})
