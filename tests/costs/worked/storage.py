"""Images, buckets, keys, secrets, topics and queues."""

from __future__ import annotations

from costs.scale import Scale
from tests.costs.worked.subjects import Cases, both, one

CASES: Cases = {
    "a repository": (one("ECR::Repository"), both(0.2)),
    "a bucket": (one("S3::Bucket"), both(2 * 0.023 + 0.005 + 10 * 0.0004)),
    "a key": (one("KMS::Key"), both(1.03)),
    "a key that rotates": (
        one("KMS::Key", EnableKeyRotation=True),
        Scale(1.03, 3.03),
    ),
    "a secret": (one("SecretsManager::Secret"), both(0.45)),
    "a parameter": (one("SSM::Parameter", Name="/a", Value="b"), both(0)),
    "an advanced parameter": (
        one("SSM::Parameter", Name="/a", Value="b", Tier="Advanced"),
        both(0.05),
    ),
    "a topic": (one("SNS::Topic"), both(100 * 0.5e-6 + 100 * 2e-5)),
    "a queue": (one("SQS::Queue"), both(0.4)),
    "a FIFO queue": (one("SQS::Queue", FifoQueue=True), both(0.5)),
}
