"""What a run costs is said in the dollars of the task that it would be."""

from __future__ import annotations

import pytest

from batch.price import REGION, dollars, seconds_of
from batch.run import _before
from costs.book import read_book
from manifest import Serving
from tests.conftest import ManifestFactory


def test_an_hour_costs_what_fargate_takes_for_it(
    make_manifest: ManifestFactory,
) -> None:
    book = read_book(REGION)
    vcpu, memory = (book.price("Fargate", f"{x} x86").usd for x in ("vCPU", "memory"))
    found = dollars(make_manifest(), 3600, cores=2, memory_mib=200)
    assert found == pytest.approx(2 * vcpu + 4 * memory)  # 4 GiB go with 2 vCPU


def test_fargate_has_no_task_of_a_hundred_cores(make_manifest: ManifestFactory) -> None:
    assert dollars(make_manifest(), 1, cores=100, memory_mib=200) is None


def test_the_builds_rate_is_of_the_cores_that_it_had(
    make_manifest: ManifestFactory,
) -> None:
    serving = Serving(2.0, 240, 2.0, 3.0, 4.0, 400.0, 15_400_000, "a test")
    manifest = make_manifest(serving=serving)
    assert seconds_of(manifest, 4000, cores=1) == pytest.approx(20)
    assert seconds_of(make_manifest(serving=None), 4000, cores=1) is None


def test_before_a_run_its_minutes_and_dollars_are_said(
    make_manifest: ManifestFactory,
) -> None:
    said = _before(make_manifest(), 1_000_000, 2)
    assert said.startswith(
        "about 1,000,000 lines: 20.8 minutes at the build's rate, 0.0"
    )
    assert said.endswith(" dollars on Fargate")
