"""What MiniStack's CloudFormation leaves out of a bucket, and its S3 keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rehearsal.account import Account
from rehearsal.handlers.handler import Created, Native, Properties


def configure_bucket(account: Account, native: Native) -> Native:
    """Set lifecycle, encryption and tags through S3's own API."""

    def create(name: str, given: Properties, stack: str) -> Created:
        bucket, known = native(name, given, stack)
        s3 = account.client("s3")
        if "LifecycleConfiguration" in given:
            rules = [_lifecycle(r) for r in given["LifecycleConfiguration"]["Rules"]]
            s3.put_bucket_lifecycle_configuration(
                Bucket=bucket, LifecycleConfiguration={"Rules": rules}
            )
        # Not the bootstrap bucket's, which names no key: MiniStack then takes no file.
        if "KMSMasterKeyID" in str(given.get("BucketEncryption")):
            encryption = _encryption(given["BucketEncryption"])
            s3.put_bucket_encryption(
                Bucket=bucket, ServerSideEncryptionConfiguration=encryption
            )
        if "Tags" in given:
            s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": given["Tags"]})
        return bucket, known

    return create


def _encryption(asked: Mapping[str, Any]) -> dict[str, Any]:
    default = "ServerSideEncryptionByDefault"
    return {
        "Rules": [
            {f"Apply{default}" if name == default else name: v for name, v in r.items()}
            for r in asked["ServerSideEncryptionConfiguration"]
        ]
    }


def _lifecycle(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A template keeps flat what the API nests."""
    spelled = {**rule, "Filter": {"Prefix": rule.get("Prefix", "")}}
    spelled.pop("Prefix", None)
    if "Id" in spelled:
        spelled["ID"] = spelled.pop("Id")
    flat = {"ExpirationInDays": "Days", "ExpiredObjectDeleteMarker": None}
    expiration = {
        nested or name: spelled.pop(name)
        for name, nested in flat.items()
        if name in spelled
    }
    return spelled | ({"Expiration": expiration} if expiration else {})
