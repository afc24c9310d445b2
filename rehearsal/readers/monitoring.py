"""Alarms, dashboards, logs and topics, read back from CloudWatch and SNS."""

from __future__ import annotations

import json

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


def alarm(account: Account, id_: str, given: Properties) -> Reading:
    cloudwatch = account.client("cloudwatch")
    found = the_only(cloudwatch.describe_alarms(AlarmNames=[id_])["MetricAlarms"])
    arn = found["AlarmArn"]
    picked = {name: found.get(name) for name in _ALARM}
    tags = AtLeast(cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"])
    return Reading({**picked, "Tags": tags}, {"Arn": arn})


def composite_alarm(account: Account, id_: str, given: Properties) -> Reading:
    answer = account.client("cloudwatch").describe_alarms(
        AlarmNames=[id_], AlarmTypes=["CompositeAlarm"]
    )
    found = the_only(answer["CompositeAlarms"])
    names = ("ActionsEnabled", "AlarmActions", "AlarmDescription", "AlarmName")
    picked = {name: found.get(name) for name in (*names, "AlarmRule", "OKActions")}
    return Reading(picked, {"Arn": found["AlarmArn"]})


def dashboard(account: Account, id_: str, given: Properties) -> Reading:
    found = account.client("cloudwatch").get_dashboard(DashboardName=id_)
    return Reading({name: found[name] for name in ("DashboardName", "DashboardBody")})


def log_group(account: Account, id_: str, given: Properties) -> Reading:
    logs = account.client("logs")
    groups = logs.describe_log_groups(logGroupNamePrefix=id_)["logGroups"]
    found = the_only([group for group in groups if group["logGroupName"] == id_])
    # Its own ARN ends in :*, the one that tags are asked by does not.
    arn = found["arn"].removesuffix(":*")
    tags = logs.list_tags_for_resource(resourceArn=arn)["tags"]
    return Reading(
        {
            "LogGroupName": id_,
            "RetentionInDays": found.get("retentionInDays"),
            "Tags": AtLeast({"Key": k, "Value": v} for k, v in tags.items()),
        },
        {"Arn": found["arn"]},
    )


def topic(account: Account, id_: str, given: Properties) -> Reading:
    sns = account.client("sns")
    found = sns.get_topic_attributes(TopicArn=id_)["Attributes"]
    tags = AtLeast(sns.list_tags_for_resource(ResourceArn=id_)["Tags"])
    name = id_.split(":")[-1]
    names = ("DisplayName", "KmsMasterKeyId")
    return Reading(
        {"TopicName": name, "Tags": tags, **{key: found.get(key) for key in names}},
        {"TopicArn": id_, "TopicName": name},
    )


def topic_policy(account: Account, id_: str, given: Properties) -> Reading:
    """One policy for several topics: each must carry the same document."""
    sns = account.client("sns")
    found = [
        sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"]
        for arn in given["Topics"]
    ]
    same = all(policy == found[0] for policy in found)
    document = json.loads(found[0]) if same else found
    return Reading({"Topics": list(given["Topics"]), "PolicyDocument": document})
