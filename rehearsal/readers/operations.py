"""Alarms, dashboards, logs, topics, builds and roles: what runs and watches a service."""

from __future__ import annotations

from typing import Any

from rehearsal.account import Account
from rehearsal.readers.reading import AtLeast, Properties, Reading, the_only

_ALARM = [
    "ActionsEnabled",
    "AlarmActions",
    "AlarmDescription",
    "AlarmName",
    "ComparisonOperator",
    "DatapointsToAlarm",
    "Dimensions",
    "EvaluationPeriods",
    "ExtendedStatistic",
    "MetricName",
    "Namespace",
    "OKActions",
    "Period",
    "Statistic",
    "Threshold",
    "TreatMissingData",
    "Unit",
]
_PROJECT = [
    "Artifacts",
    "Description",
    "EncryptionKey",
    "Environment",
    "Name",
    "ServiceRole",
    "Source",
    "TimeoutInMinutes",
]


def alarm(account: Account, id_: str, given: Properties) -> Reading:
    answer = account.client("cloudwatch").describe_alarms(AlarmNames=[id_])
    found = the_only(answer["MetricAlarms"])
    return Reading(
        {name: found.get(name) for name in _ALARM}, {"Arn": found["AlarmArn"]}
    )


def dashboard(account: Account, id_: str, given: Properties) -> Reading:
    found = account.client("cloudwatch").get_dashboard(DashboardName=id_)
    return Reading({name: found[name] for name in ("DashboardName", "DashboardBody")})


def log_group(account: Account, id_: str, given: Properties) -> Reading:
    answer = account.client("logs").describe_log_groups(logGroupNamePrefix=id_)
    found = the_only([g for g in answer["logGroups"] if g["logGroupName"] == id_])
    return Reading(
        {"LogGroupName": id_, "RetentionInDays": found.get("retentionInDays")},
        {"Arn": found["arn"]},
    )


def topic(account: Account, id_: str, given: Properties) -> Reading:
    answer = account.client("sns").get_topic_attributes(TopicArn=id_)["Attributes"]
    name = id_.split(":")[-1]
    names = ("DisplayName", "KmsMasterKeyId")
    return Reading(
        {"TopicName": name, **{key: answer.get(key) for key in names}},
        {"TopicArn": id_, "TopicName": name},
    )


def project(account: Account, id_: str, given: Properties) -> Reading:
    answer = account.client("codebuild").batch_get_projects(names=[id_])
    found = the_only(answer["projects"])
    spelled = {name.lower(): value for name, value in found.items()}
    return Reading(
        {name: spelled.get(name.lower()) for name in _PROJECT}, {"Arn": found["arn"]}
    )


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


def _inline(iam: Any, role_name: str, name: str) -> dict[str, Any]:
    found = iam.get_role_policy(RoleName=role_name, PolicyName=name)
    return {key: found[key] for key in ("PolicyName", "PolicyDocument")}
