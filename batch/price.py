"""What a run takes and costs, said before it and after it."""

from __future__ import annotations

from costs.book import read_book
from costs.fargate import SizeError, fargate_size
from costs.predictions import Architecture, dollars_per_hour
from manifest import Manifest

REGION = "us-east-1"


def dollars(
    manifest: Manifest, seconds: float, *, cores: int, memory_mib: float
) -> float | None:
    """Return what so long a Fargate task of so many vCPU costs, on demand, in USD.

    None where Fargate sells no such task. Raises PriceError without a price.
    """
    try:
        size = fargate_size(max(1, round(memory_mib)), vcpu=cores)
    except SizeError:
        return None
    architecture: Architecture = "ARM" if manifest.architecture == "arm64" else "x86"
    hourly = dollars_per_hour(size, read_book(REGION), architecture=architecture)
    return hourly * seconds / 3600


def seconds_of(manifest: Manifest, lines: float, *, cores: int) -> float | None:
    """Return how long so many lines take at the rate that the build measured."""
    if manifest.serving is None:
        return None
    rate = manifest.serving.requests_per_second * cores / manifest.serving.vcpu
    return lines / rate
