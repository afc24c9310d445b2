"""Rules and subscriptions, read back from EventBridge and SNS."""

from __future__ import annotations

from rehearsal.account import Account
from rehearsal.readers.reading import AtLeast, Properties, Reading, the_only

_RULE = ["Description", "EventPattern", "Name", "ScheduleExpression", "State"]


def rule(account: Account, id_: str, given: Properties) -> Reading:
    events = account.client("events")
    name = id_.split("|")[-1]
    found = events.describe_rule(Name=name)
    targets = events.list_targets_by_rule(Rule=name)["Targets"]
    tags = events.list_tags_for_resource(ResourceARN=found["Arn"])["Tags"]
    return Reading(
        {key: found.get(key) for key in _RULE}
        | {"Targets": targets, "Tags": AtLeast(tags)},
        {"Arn": found["Arn"]},
    )


def subscription(account: Account, id_: str, given: Properties) -> Reading:
    """Found by its topic: until somebody confirms it, it has no ARN to ask by."""
    sns = account.client("sns")
    topic = given["TopicArn"]
    there = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    asked = (given["Protocol"], given.get("Endpoint"))
    found = [s for s in there if (s["Protocol"], s["Endpoint"]) == asked]
    names = ("Endpoint", "Protocol", "TopicArn")
    return Reading({key: the_only(found)[key] for key in names})
