from __future__ import annotations

from dataclasses import replace

import pytest

from costs.book import read_book
from costs.fargate import FargateSize, SizeError
from costs.predictions import Architecture, dollars_per_hour, dollars_per_million
from manifest import Serving

BOOK = read_book("us-east-1")
SERVING = Serving(1.0, 240, 2.0, 3.0, 4.0, 400.0, 15_400_000, "a test")


def test_a_million_predictions_cost_the_task_hours_they_take() -> None:
    # 1 vCPU and 2 GB: 0.04048 + 2 x 0.004445 = 0.04937 an hour for 1.44 M answers.
    assert dollars_per_million(SERVING, BOOK) == pytest.approx(0.04937 / 1.44)


def test_arm_is_priced_as_arm() -> None:
    arm = dollars_per_million(SERVING, BOOK, architecture="ARM")
    assert arm == pytest.approx((0.03238 + 2 * 0.00356) / 1.44)


@pytest.mark.parametrize(
    ("size", "architecture", "usd"),
    [
        (FargateSize(256, 1024), "x86", 10.63),
        (FargateSize(256, 512), "x86", 9.01),
        (FargateSize(256, 1024), "ARM", 8.51),
        (FargateSize(256, 512), "ARM", 7.21),
    ],
)
def test_a_month_costs_what_a_published_calculation_of_2026_says(
    size: FargateSize, architecture: Architecture, usd: float
) -> None:
    hourly = dollars_per_hour(size, BOOK, architecture=architecture)
    assert round(730 * hourly, 2) == usd


def test_half_the_utilisation_doubles_the_price() -> None:
    busy = dollars_per_million(SERVING, BOOK)
    assert dollars_per_million(SERVING, BOOK, utilisation=0.5) == pytest.approx(
        2 * busy
    )


def test_memory_across_a_size_costs_more() -> None:
    within, across = (replace(SERVING, memory_mib=mib) for mib in (1638, 1639))
    assert dollars_per_million(within, BOOK) == dollars_per_million(SERVING, BOOK)
    extra = dollars_per_million(across, BOOK) - dollars_per_million(within, BOOK)
    assert extra == pytest.approx(0.004445 / 1.44)


@pytest.mark.parametrize("utilisation", [0, -1, 1.01, float("nan")])
def test_refuses_an_impossible_utilisation(utilisation: float) -> None:
    with pytest.raises(ValueError, match=f"utilisation: {utilisation} is not above 0"):
        dollars_per_million(SERVING, BOOK, utilisation=utilisation)


def test_says_when_no_task_is_large_enough() -> None:
    with pytest.raises(SizeError, match=r"serving\.memory_mib: 300000"):
        dollars_per_million(replace(SERVING, memory_mib=300_000), BOOK)
