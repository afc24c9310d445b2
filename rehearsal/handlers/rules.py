"""Security group rules that stand alone in a template."""

from __future__ import annotations

from typing import Any

from rehearsal.account import Account
from rehearsal.handlers.handler import Created, Properties


def _permission(given: Properties, peer: str) -> dict[str, Any]:
    """One rule as EC2 takes it; `peer` is Source or Destination."""
    described = {"Description": given["Description"]} if "Description" in given else {}
    group, prefixes = f"{peer}SecurityGroupId", f"{peer}PrefixListId"
    permission: dict[str, Any] = {"IpProtocol": str(given["IpProtocol"])}
    for port in ("FromPort", "ToPort"):
        if port in given:
            permission[port] = int(given[port])
    if "CidrIp" in given:
        permission["IpRanges"] = [{"CidrIp": given["CidrIp"], **described}]
    if group in given:
        permission["UserIdGroupPairs"] = [{"GroupId": given[group], **described}]
    if prefixes in given:
        permission["PrefixListIds"] = [{"PrefixListId": given[prefixes], **described}]
    return permission


def allow_ingress(
    account: Account, name: str, given: Properties, stack: str
) -> Created:
    answer = account.client("ec2").authorize_security_group_ingress(
        GroupId=given["GroupId"], IpPermissions=[_permission(given, "Source")]
    )
    rule = answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    return rule, {"Id": rule}


def allow_egress(account: Account, name: str, given: Properties, stack: str) -> Created:
    answer = account.client("ec2").authorize_security_group_egress(
        GroupId=given["GroupId"], IpPermissions=[_permission(given, "Destination")]
    )
    rule = answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    return rule, {"Id": rule}


def revoke_ingress(account: Account, id_: str, given: Properties) -> None:
    account.client("ec2").revoke_security_group_ingress(
        GroupId=given["GroupId"], SecurityGroupRuleIds=[id_]
    )


def revoke_egress(account: Account, id_: str, given: Properties) -> None:
    account.client("ec2").revoke_security_group_egress(
        GroupId=given["GroupId"], SecurityGroupRuleIds=[id_]
    )
