"""Web firewalls and what they stand before, read back from WAF."""

from __future__ import annotations

from rehearsal.account import Account
from rehearsal.readers.reading import AbsentError, AtLeast, Properties, Reading

_ACL = ["DefaultAction", "Description", "Name", "Rules", "VisibilityConfig"]


def web_acl(account: Account, id_: str, given: Properties) -> Reading:
    waf = account.client("wafv2")
    name, uid, scope = id_.split("|")
    found = waf.get_web_acl(Name=name, Id=uid, Scope=scope)["WebACL"]
    tags = waf.list_tags_for_resource(ResourceARN=found["ARN"])
    return Reading(
        {key: found.get(key) for key in _ACL}
        | {
            "Scope": scope,
            "Tags": AtLeast(tags["TagInfoForResource"].get("TagList", [])),
        },
        {"Arn": found["ARN"], "Id": uid},
    )


def association(account: Account, id_: str, given: Properties) -> Reading:
    resource = given["ResourceArn"]
    answer = account.client("wafv2").get_web_acl_for_resource(ResourceArn=resource)
    if "WebACL" not in answer:
        raise AbsentError
    return Reading({"ResourceArn": resource, "WebACLArn": answer["WebACL"]["ARN"]})
