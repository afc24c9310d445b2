"""Which load balancer a firewall stands before, which MiniStack's WAF has."""

from __future__ import annotations

from rehearsal.account import Account
from rehearsal.api import api_request
from rehearsal.handlers.handler import Created, Properties


def associate(account: Account, name: str, given: Properties, stack: str) -> Created:
    waf = account.client("wafv2")
    waf.associate_web_acl(**api_request(waf, "AssociateWebACL", given))
    return f"{given['WebACLArn']}|{given['ResourceArn']}", {}


def dissociate(account: Account, id_: str, given: Properties) -> None:
    account.client("wafv2").disassociate_web_acl(ResourceArn=given["ResourceArn"])
