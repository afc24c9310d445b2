"""The books of all regions: what they have in common, and what one of them lacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from costs.bill import Bill, bill
from costs.book import PriceError, read_book, regions
from costs.energy import grams_per_kwh
from costs.reading import read_assembly
from costs.usage import Usage
from tests.costs.samples import Stages, stages, write_assembly

REGIONS = ("eu-central-1", "us-east-1", "us-west-2")


def billed(folder: Path, region: str, found: Stages) -> Bill:
    where = f"aws://unknown-account/{region}"
    directory = write_assembly(folder / region, found, environment=where)
    return bill(read_assembly(directory), Usage())


def without_builds() -> Stages:
    (stacks,) = stages().values()
    kept = {name: found for name, found in stacks.items() if name != "dev-registry"}
    images = {"dev-images": {"Images": stacks["dev-registry"]["Images"]}}
    return {"dev": {**kept, **images}}


def test_there_is_a_book_for_each() -> None:
    assert regions() == REGIONS


@pytest.mark.parametrize("region", REGIONS)
def test_a_stage_is_priced_in_each(region: str, tmp_path: Path) -> None:
    found = billed(tmp_path, region, without_builds())
    assert found.regions == (region,)
    assert found.monthly.minimum > 40
    assert found.energy
    assert found.energy.kg_co2e.expected == pytest.approx(
        found.energy.kwh.expected * grams_per_kwh(region) / 1000
    )


def test_frankfurt_costs_more_than_oregon_and_oregon_as_much_as_virginia(
    tmp_path: Path,
) -> None:
    usd = {
        region: billed(tmp_path, region, without_builds()).monthly.expected
        for region in REGIONS
    }
    assert usd["us-west-2"] == pytest.approx(usd["us-east-1"])
    assert 1.05 < usd["eu-central-1"] / usd["us-east-1"] < 1.3


@pytest.mark.parametrize("region", ["eu-central-1", "us-west-2"])
def test_what_a_book_lacks_is_an_error_that_names_it(
    region: str, tmp_path: Path
) -> None:
    message = rf"dev-registry: Builds .*no price of CodeBuild, .* in {region}"
    with pytest.raises(PriceError, match=message):
        billed(tmp_path, region, stages())


@pytest.mark.parametrize("region", REGIONS)
def test_a_figure_that_nobody_read_says_so(region: str) -> None:
    """Derived and assumed rows are weak, and so stand under "To check" of a bill."""
    for price in read_book(region).prices:
        if price.service == "EC2 Spot":
            assert price.weakness, price
        if any(word in price.note for word in ("DERIVED", "ASSUMPTION", "DOUBT")):
            assert price.weakness == price.note
