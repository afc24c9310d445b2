"""What one running task costs an hour, worked out by hand."""

from __future__ import annotations

import pytest

from costs.book import read_book
from costs.fargate import FargateSize
from costs.hourly import fargate_dollars, instance_dollars
from costs.predictions import dollars_per_hour

REGION = "us-east-1"


@pytest.mark.parametrize(
    ("architecture", "sold"), [("x86_64", "x86"), ("arm64", "ARM")]
)
def test_a_fargate_task_is_what_the_predictions_are_priced_by(
    architecture: str, sold: str
) -> None:
    size = FargateSize(1024, 2048)
    found = fargate_dollars(REGION, vcpu=1, memory_mib=2048, architecture=architecture)  # type: ignore[arg-type]
    expected = dollars_per_hour(size, read_book(REGION), architecture=sold)  # type: ignore[arg-type]
    assert found == pytest.approx(expected)


def test_a_task_pays_for_what_it_takes_most_of_on_the_dearest_type() -> None:
    """Both have one GPU and 4 vCPU: the whole instance, at the price of the dearer."""
    whole = instance_dollars(
        REGION, ("g4dn.xlarge", "g5.xlarge"), vcpu=1, memory_mib=1024, gpus=1
    )
    assert whole == 1.006
    half = instance_dollars(REGION, ("c7i.xlarge",), vcpu=2, memory_mib=1024, gpus=0)
    assert half == 0.1785 / 2


def test_no_price_is_none_and_no_guess() -> None:
    nowhere = fargate_dollars(
        "eu-north-1", vcpu=1, memory_mib=2048, architecture="x86_64"
    )
    assert nowhere is None
    types = ("g5.xlarge", "z1d.large")
    assert instance_dollars(REGION, types, vcpu=1, memory_mib=1, gpus=0) is None
