from __future__ import annotations

import pytest

from costs.book import read_book, regions
from costs.price_list.offers import bare_usage, offers, usage_names

# What the Price List calls something that nobody here has seen.
UNNAMED = {("Container Insights", "enhanced observability (ECS)")}


def test_every_row_of_every_book_has_a_line() -> None:
    lines = {(offer.service, offer.item): offer for offer in offers()}
    for region in regions():
        for price in read_book(region).prices:
            key = (price.service, price.item)
            assert key in UNNAMED or lines[key].unit == price.unit, key


def test_no_two_lines_are_of_the_same_item() -> None:
    keys = [(offer.service, offer.item) for offer in offers()]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    ("name", "usage"),
    [
        ("LCUUsage", "LCUUsage"),
        ("EUC1-LCUUsage", "LCUUsage"),
        ("EU-LCUUsage", "LCUUsage"),
        ("us-east-1-KMS-Keys", "KMS-Keys"),
        ("KMS-Keys", "KMS-Keys"),
        ("USE1-Fargate-GB-Hours", "Fargate-GB-Hours"),
        ("EUW2-EBS:VolumeUsage.gp3", "EBS:VolumeUsage.gp3"),
    ],
)
def test_a_usage_type_is_known_without_its_region(name: str, usage: str) -> None:
    assert bare_usage(name) == usage


def test_only_us_east_1_leaves_the_region_out() -> None:
    assert "LCUUsage" in usage_names("LCUUsage", "us-east-1")
    assert usage_names("LCUUsage", "eu-central-1") == (
        "EUC1-LCUUsage",
        "eu-central-1-LCUUsage",
    )
