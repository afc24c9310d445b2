"""Buckets and parameters, read back from S3 and Systems Manager."""

from __future__ import annotations

import json
from typing import Any

from rehearsal.account import Account
from rehearsal.readers.reading import AtLeast, Properties, Reading, optional


def bucket(account: Account, id_: str, given: Properties) -> Reading:
    s3 = account.client("s3")
    s3.head_bucket(Bucket=id_)
    access = optional(s3.get_public_access_block, Bucket=id_)
    encryption = optional(s3.get_bucket_encryption, Bucket=id_)
    lifecycle = optional(s3.get_bucket_lifecycle_configuration, Bucket=id_)
    ownership = optional(s3.get_bucket_ownership_controls, Bucket=id_)
    versioning = s3.get_bucket_versioning(Bucket=id_)
    rules = encryption.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
    return Reading(
        {
            "BucketName": id_,
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [_encryption(r) for r in rules]
            },
            "LifecycleConfiguration": {
                "Rules": [_lifecycle(rule) for rule in lifecycle.get("Rules", [])]
            },
            "OwnershipControls": ownership.get("OwnershipControls"),
            "PublicAccessBlockConfiguration": access.get(
                "PublicAccessBlockConfiguration"
            ),
            "VersioningConfiguration": {"Status": versioning.get("Status")},
            "Tags": AtLeast(
                optional(s3.get_bucket_tagging, Bucket=id_).get("TagSet", [])
            ),
        },
        {"Arn": f"arn:aws:s3:::{id_}"},
    )


def bucket_policy(account: Account, id_: str, given: Properties) -> Reading:
    name = given["Bucket"]
    policy = account.client("s3").get_bucket_policy(Bucket=name)["Policy"]
    return Reading({"Bucket": name, "PolicyDocument": json.loads(policy)})


def parameter(account: Account, id_: str, given: Properties) -> Reading:
    ssm = account.client("ssm")
    found = ssm.get_parameter(Name=id_)["Parameter"]
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=id_)
    names = ("Name", "Type", "Value")
    return Reading(
        {name: found[name] for name in names}
        | {"Tags": {tag["Key"]: tag["Value"] for tag in tags["TagList"]}},
        {"Type": found["Type"], "Value": found["Value"]},
    )


def _encryption(rule: dict[str, Any]) -> dict[str, Any]:
    spelled = dict(rule)
    default = "ServerSideEncryptionByDefault"
    spelled[default] = spelled.pop(f"Apply{default}", None)
    return spelled


def _lifecycle(rule: dict[str, Any]) -> dict[str, Any]:
    """A template keeps flat what the API nests."""
    spelled = dict(rule)
    expiration = spelled.pop("Expiration", {})
    if "Days" in expiration:
        spelled["ExpirationInDays"] = expiration["Days"]
    if "ExpiredObjectDeleteMarker" in expiration:
        spelled["ExpiredObjectDeleteMarker"] = expiration["ExpiredObjectDeleteMarker"]
    prefix = spelled.pop("Filter", {}).get("Prefix")
    return spelled | ({"Prefix": prefix} if prefix else {})
