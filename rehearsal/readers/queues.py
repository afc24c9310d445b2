"""Queues and their policies, read back from SQS."""

from __future__ import annotations

import json

from rehearsal.account import Account
from rehearsal.readers.reading import AtLeast, Properties, Reading

_SECONDS = ["DelaySeconds", "MessageRetentionPeriod", "VisibilityTimeout"]


def queue(account: Account, id_: str, given: Properties) -> Reading:
    """Found by its URL, which is its physical id; SQS says numbers and tables as text."""
    sqs = account.client("sqs")
    answer = sqs.get_queue_attributes(QueueUrl=id_, AttributeNames=["All"])
    found = answer["Attributes"]
    tags = sqs.list_queue_tags(QueueUrl=id_).get("Tags", {})
    name = found["QueueArn"].rpartition(":")[2]
    return Reading(
        {
            **{key: int(found[key]) for key in _SECONDS if key in found},
            "QueueName": name,
            "RedrivePolicy": json.loads(found.get("RedrivePolicy", "null")),
            "SqsManagedSseEnabled": found.get("SqsManagedSseEnabled") == "true",
            "Tags": AtLeast({"Key": k, "Value": v} for k, v in tags.items()),
        },
        {"Arn": found["QueueArn"], "QueueName": name, "QueueUrl": id_},
    )


def policy(account: Account, id_: str, given: Properties) -> Reading:
    """One policy for several queues: each must carry the same document."""
    sqs = account.client("sqs")
    found = [
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
        .get("Attributes", {})
        .get("Policy", "null")
        for url in given["Queues"]
    ]
    documents = [json.loads(each) for each in found]
    same = all(document == documents[0] for document in documents)
    document = documents[0] if same else documents
    return Reading({"Queues": list(given["Queues"]), "PolicyDocument": document})
