"""Keys and secrets, read back from KMS and Secrets Manager."""

from __future__ import annotations

import json

from rehearsal.account import Account
from rehearsal.readers.reading import (
    AbsentError,
    AtLeast,
    Properties,
    Reading,
    the_only,
)


def key(account: Account, id_: str, given: Properties) -> Reading:
    kms = account.client("kms")
    found = kms.describe_key(KeyId=id_)["KeyMetadata"]
    if found["KeyState"] == "PendingDeletion":
        raise AbsentError
    policy = kms.get_key_policy(KeyId=id_, PolicyName="default")["Policy"]
    rotated = kms.get_key_rotation_status(KeyId=id_)["KeyRotationEnabled"]
    tags = kms.list_resource_tags(KeyId=id_)["Tags"]
    names = ("Description", "KeySpec", "KeyUsage")
    return Reading(
        {name: found.get(name) for name in names}
        | {
            "EnableKeyRotation": rotated,
            "KeyPolicy": json.loads(policy),
            "Tags": AtLeast({"Key": t["TagKey"], "Value": t["TagValue"]} for t in tags),
        },
        {"Arn": found["Arn"], "KeyId": found["KeyId"]},
    )


def alias(account: Account, id_: str, given: Properties) -> Reading:
    """A template may name the key by its ARN; KMS answers with its id."""
    kms = account.client("kms")
    pages = kms.get_paginator("list_aliases").paginate()
    every = [found for page in pages for found in page["Aliases"]]
    found = the_only([each for each in every if each["AliasName"] == id_])
    target = kms.describe_key(KeyId=found["TargetKeyId"])["KeyMetadata"]
    by_id = given.get("TargetKeyId") == target["KeyId"]
    return Reading(
        {"AliasName": id_, "TargetKeyId": target["KeyId" if by_id else "Arn"]}
    )


def secret(account: Account, id_: str, given: Properties) -> Reading:
    found = account.client("secretsmanager").describe_secret(SecretId=id_)
    if "DeletedDate" in found:
        raise AbsentError
    names = ("Description", "KmsKeyId", "Name")
    return Reading(
        {name: found.get(name) for name in names}
        | {"Tags": AtLeast(found.get("Tags", []))},
        {"Arn": found["ARN"], "Id": found["ARN"]},
    )
