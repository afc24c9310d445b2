"""What a bucket's own properties do not say: who may come in, and how."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from checks.deployed import Deployed
from checks.finding import Finding


def buckets_refuse_plain_http(deployed: Deployed) -> Iterator[Finding]:
    """Encryption on the way is a statement of the bucket's policy, not a property."""
    policies = list(deployed.of("AWS::S3::BucketPolicy"))
    for bucket in deployed.of("AWS::S3::Bucket"):
        documents = [
            each.get("PolicyDocument", {})
            for each in policies
            if bucket.names(each.get("Bucket"))
        ]
        if not any(map(_refuses_http, documents)):
            says = "no policy denies requests without TLS"
            yield bucket.wrong("plain-http", "BucketPolicy", says)


def _refuses_http(document: Mapping[str, Any]) -> bool:
    return any(
        each.get("Effect") == "Deny"
        and '"aws:SecureTransport": "false"' in json.dumps(each.get("Condition", {}))
        for each in document.get("Statement", [])
    )
