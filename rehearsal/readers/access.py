"""Roles and their policies, read back from IAM."""

from __future__ import annotations

from typing import Any

from rehearsal.account import Account
from rehearsal.readers.reading import AtLeast, Properties, Reading


def role(account: Account, id_: str, given: Properties) -> Reading:
    iam = account.client("iam")
    found = iam.get_role(RoleName=id_)["Role"]
    attached = iam.list_attached_role_policies(RoleName=id_)["AttachedPolicies"]
    inline = iam.list_role_policies(RoleName=id_)["PolicyNames"]
    names = ("AssumeRolePolicyDocument", "Description", "Path")
    return Reading(
        {
            **{name: found.get(name) for name in names},
            "ManagedPolicyArns": [policy["PolicyArn"] for policy in attached],
            "Tags": AtLeast(found.get("Tags", [])),
            # Policies that stand alone in the template are among a role's own.
            "Policies": AtLeast(_inline(iam, id_, name) for name in inline),
        },
        {"Arn": found["Arn"], "RoleId": found["RoleId"]},
    )


def policy(account: Account, id_: str, given: Properties) -> Reading:
    """One policy on several roles: each must carry the same document."""
    iam = account.client("iam")
    name = given["PolicyName"]
    found = [_inline(iam, role_name, name) for role_name in given["Roles"]]
    documents = [inline["PolicyDocument"] for inline in found]
    return Reading(
        {
            "PolicyName": name,
            "Roles": list(given["Roles"]),
            "PolicyDocument": documents[0]
            if all(document == documents[0] for document in documents)
            else documents,
        }
    )


def managed_policy(account: Account, id_: str, given: Properties) -> Reading:
    iam = account.client("iam")
    found = iam.get_policy(PolicyArn=id_)["Policy"]
    version = iam.get_policy_version(
        PolicyArn=id_, VersionId=found["DefaultVersionId"]
    )["PolicyVersion"]
    attached = iam.list_entities_for_policy(PolicyArn=id_)["PolicyRoles"]
    return Reading(
        {
            "Description": found.get("Description"),
            "ManagedPolicyName": found["PolicyName"],
            "Path": found["Path"],
            "PolicyDocument": version["Document"],
            "Roles": [role["RoleName"] for role in attached],
        },
        {"PolicyArn": id_},
    )


def instance_profile(account: Account, id_: str, given: Properties) -> Reading:
    name = id_.split("/")[-1]  # MiniStack's Ref is the ARN
    answer = account.client("iam").get_instance_profile(InstanceProfileName=name)
    found = answer["InstanceProfile"]
    return Reading(
        {
            "InstanceProfileName": name,
            "Path": found["Path"],
            "Roles": [role["RoleName"] for role in found["Roles"]],
        },
        {"Arn": found["Arn"]},
    )


def _inline(iam: Any, role_name: str, name: str) -> dict[str, Any]:
    found = iam.get_role_policy(RoleName=role_name, PolicyName=name)
    return {key: found[key] for key in ("PolicyName", "PolicyDocument")}
