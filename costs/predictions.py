"""What a measured model costs per million predictions on its Fargate size."""

from __future__ import annotations

from typing import Literal

from costs.book import PriceBook
from costs.fargate import FargateSize, fargate_size
from manifest import Serving

Architecture = Literal["x86", "ARM"]


def dollars_per_hour(
    size: FargateSize, prices: PriceBook, *, architecture: Architecture = "x86"
) -> float:
    """Return the on-demand price of one running task, in USD an hour.

    Raises PriceError if the book does not know Fargate on that architecture.
    """
    vcpu = prices.price("Fargate", f"vCPU {architecture}").usd
    memory = prices.price("Fargate", f"memory {architecture}").usd
    return size.vcpu * vcpu + size.memory_gib * memory


def dollars_per_million(
    serving: Serving,
    prices: PriceBook,
    *,
    utilisation: float = 1.0,
    architecture: Architecture = "x86",
) -> float:
    """Return USD per million predictions on the task size that `serving` fits.

    `utilisation` is the share of the sustained rate that traffic uses. Its default
    of 1 is the only share that was measured, so the result is a floor that compares
    variants fairly; a task that traffic keeps half busy costs twice as much each.
    One request is one prediction. Load balancer, logs and network are left out:
    they cost the same whichever variant answers. Raises ValueError naming the value
    and its bound, SizeError if no task is large enough, PriceError without a price.
    """
    if not 0 < utilisation <= 1:
        raise ValueError(f"utilisation: {utilisation} is not above 0 and at most 1")
    size = fargate_size(serving.memory_mib, vcpu=serving.vcpu)
    hourly = dollars_per_hour(size, prices, architecture=architecture)
    predictions = serving.requests_per_second * 3600 * utilisation
    return hourly / predictions * 1e6
