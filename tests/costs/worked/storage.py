"""Images, buckets, keys, secrets, topics and queues."""

from __future__ import annotations

from costs.scale import Scale
from tests.costs.worked.subjects import Cases, always, one

CASES: Cases = {
    "a repository": (one("ECR::Repository"), always(0.2)),
    "a bucket": (one("S3::Bucket"), always(2 * 0.023 + 0.005 + 10 * 0.0004)),
    "a key": (one("KMS::Key"), always(1.03)),
    "a key that rotates": (
        one("KMS::Key", EnableKeyRotation=True),
        Scale(1.03, 2.03, 3.03),
    ),
    "a secret": (one("SecretsManager::Secret"), always(0.45)),
    "a parameter": (one("SSM::Parameter", Name="/a", Value="b"), always(0)),
    "an advanced parameter": (
        one("SSM::Parameter", Name="/a", Value="b", Tier="Advanced"),
        always(0.05),
    ),
    "a topic": (one("SNS::Topic"), always(100 * 0.5e-6 + 100 * 2e-5)),
    "a queue": (one("SQS::Queue"), always(0.4)),
    "a FIFO queue": (one("SQS::Queue", FifoQueue=True), always(0.5)),
}
