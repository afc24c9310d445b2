"""Addresses, NAT gateways and flow logs, which MiniStack's EC2 has."""

from __future__ import annotations

from typing import Any

from rehearsal.account import Account
from rehearsal.api import api_request
from rehearsal.handlers.handler import Created, Properties


def allocate_address(
    account: Account, name: str, given: Properties, stack: str
) -> Created:
    ec2 = account.client("ec2")
    request = api_request(ec2, "AllocateAddress", _tagged(given, "elastic-ip"))
    found = ec2.allocate_address(**request)
    ids = {key: found[key] for key in ("AllocationId", "PublicIp")}
    return found["PublicIp"], ids


def release_address(account: Account, id_: str, given: Properties) -> None:
    """CloudFormation knows an address by itself, EC2 by its allocation."""
    ec2 = account.client("ec2")
    for address in ec2.describe_addresses()["Addresses"]:
        if address["PublicIp"] == id_:
            ec2.release_address(AllocationId=address["AllocationId"])


def create_nat_gateway(
    account: Account, name: str, given: Properties, stack: str
) -> Created:
    ec2 = account.client("ec2")
    request = api_request(ec2, "CreateNatGateway", _tagged(given, "natgateway"))
    id_ = ec2.create_nat_gateway(**request)["NatGateway"]["NatGatewayId"]
    return id_, {"NatGatewayId": id_}


def delete_nat_gateway(account: Account, id_: str, given: Properties) -> None:
    account.client("ec2").delete_nat_gateway(NatGatewayId=id_)


def create_flow_log(
    account: Account, name: str, given: Properties, stack: str
) -> Created:
    ec2 = account.client("ec2")
    asked = _tagged(given, "vpc-flow-log")
    asked["ResourceIds"] = [asked.pop("ResourceId")]
    request = api_request(ec2, "CreateFlowLogs", asked)
    id_ = ec2.create_flow_logs(**request)["FlowLogIds"][0]
    return id_, {"Id": id_}


def delete_flow_log(account: Account, id_: str, given: Properties) -> None:
    account.client("ec2").delete_flow_logs(FlowLogIds=[id_])


def _tagged(given: Properties, kind: str) -> dict[str, Any]:
    """EC2 takes the tags of what it makes as a specification by kind."""
    asked = dict(given)
    tags = asked.pop("Tags", [])
    if tags:
        asked["TagSpecifications"] = [{"ResourceType": kind, "Tags": tags}]
    return asked
