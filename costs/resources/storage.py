"""What is kept or passed on: images, buckets, keys, secrets, topics, queues."""

from __future__ import annotations

from costs.assembly import Resource
from costs.charges import Estimate, Rates
from costs.scale import Scale


def repository(resource: Resource, rates: Rates) -> Estimate:
    gb = rates.usage.repository_gb
    charge = rates.charge("ECR", "private storage", gb, "repository_gb")
    return Estimate("image repository", (charge,))


def bucket(resource: Resource, rates: Rates) -> Estimate:
    usage, storage = rates.usage, "Standard storage, first 50 TB"
    writes, reads = usage.bucket_writes * 1e-3, usage.bucket_reads * 1e-3
    charges = (
        rates.charge("S3", storage, usage.bucket_gb, "bucket_gb"),
        rates.charge("S3", "PUT/COPY/POST/LIST", writes, "bucket_writes"),
        rates.charge("S3", "GET and other", reads, "bucket_reads"),
    )
    return Estimate("bucket", charges)


def key(resource: Resource, rates: Rates) -> Estimate:
    """Price a key; each of its first two rotations adds its price again."""
    requests = rates.usage.key_requests * 1e-4
    keys, assumptions = Scale.always(1), list[str]()
    if resource.get("EnableKeyRotation", False) in (True, "true"):
        keys, assumptions = keys + rates.usage.key_rotations, ["key_rotations"]
    charges = (
        rates.charge("KMS", "customer managed key", keys, *assumptions),
        rates.charge("KMS", "requests, symmetric", requests, "key_requests"),
    )
    return Estimate("customer managed key", charges)


def secret(resource: Resource, rates: Rates) -> Estimate:
    calls = rates.usage.secret_reads * 1e-4
    charges = (
        rates.charge("Secrets Manager", "secret", 1),
        rates.charge("Secrets Manager", "API calls", calls, "secret_reads"),
    )
    return Estimate("secret", charges)


def parameter(resource: Resource, rates: Rates) -> Estimate:
    """A standard parameter is free, an advanced one is not."""
    if resource.get("Tier", "Standard") == "Standard":
        return Estimate("standard parameter")
    charge = rates.charge("SSM Parameter Store", "advanced parameter", 1)
    return Estimate("advanced parameter", (charge,))


def topic(resource: Resource, rates: Rates) -> Estimate:
    name, sent = "notifications", rates.usage.notifications
    charges = (
        rates.charge("SNS", "publish requests", sent * 1e-6, name),
        rates.charge("SNS", "email delivery", sent * 1e-5, name),
    )
    return Estimate("topic", charges)


def queue(resource: Resource, rates: Rates) -> Estimate:
    fifo = resource.get("FifoQueue", False) in (True, "true")
    item = "FIFO requests" if fifo else "standard requests"
    requests = rates.usage.queue_requests * 1e-6
    charge = rates.charge("SQS", item, requests, "queue_requests")
    return Estimate("queue", (charge,))
