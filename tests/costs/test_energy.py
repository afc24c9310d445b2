"""Energy and carbon, worked out by hand from the figures of carbon.json."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from costs.book import Price
from costs.charges import Charge
from costs.energy import (
    TABLE,
    CarbonError,
    energy,
    energy_per_million,
    gpus,
    grams_per_kwh,
    processors,
)
from costs.fargate import SizeError
from costs.instances import instance_types
from costs.scale import Scale
from manifest import Serving

PUE, MEMORY = 1.135, 0.392
SERVING = Serving(
    vcpu=2,
    memory_mib=1600,
    p50_ms=4,
    p95_ms=6,
    p99_ms=9,
    requests_per_second=400,
    hardware="two cores",
    model_bytes=15_400_000,
)


def charge(service: str, item: str, unit: str, quantity: float) -> Charge:
    price = Price(service, item, unit, 1.0, "a price list", "2026-10-01", "")
    return Charge(price, Scale.always(quantity))


def test_a_fargate_task_draws_its_vcpu_and_its_memory() -> None:
    """1 vCPU half busy: 0.74 + 0.5 x (3.5 - 0.74) = 2.12 W; 2 GB: 0.784 W; 730 h."""
    task = [
        charge("Fargate", "vCPU x86", "vCPU-hour", 730),
        charge("Fargate", "memory x86", "GB-hour", 1460),
        charge("Public IPv4", "address in use", "hour", 730),
    ]
    found = energy(task, "us-east-1", utilisation=0.5)
    kwh = 730 * (2.12 + 2 * MEMORY) * PUE / 1000
    assert found.kwh.minimum == pytest.approx(kwh)
    assert found.kg_co2e.minimum == pytest.approx(kwh * 0.379069)


def test_an_instance_draws_its_gpus_too() -> None:
    """g5.xlarge at full load: 4 x 1.693 + 16 x 0.392 + 153 W."""
    full = energy(
        [charge("EC2", "g5.xlarge", "instance-hour", 1)], "eu-central-1", utilisation=1
    )
    assert full.kwh.maximum * 1000 == pytest.approx(
        (4 * 1.693 + 16 * MEMORY + 153) * PUE
    )
    spot = [charge("EC2 Spot", "g5.xlarge", "instance-hour", 1)]
    assert energy(spot, "eu-central-1", utilisation=1) == full


def test_each_gpu_of_an_instance_draws() -> None:
    (kind,) = (k for k in instance_types().values() if k.gpus == 8 and k.gpu == "a100")
    full = energy(
        [charge("EC2", kind.name, "instance-hour", 1)], "us-east-1", utilisation=1
    )
    machine = kind.vcpu * processors()[kind.family].full + kind.memory_gib * MEMORY
    watts = machine + 8 * gpus()["a100"].full
    assert full.kwh.maximum * 1000 == pytest.approx(watts * PUE)


def test_a_fee_for_hours_that_are_charged_draws_nothing() -> None:
    hours = charge("EC2", "g5.xlarge", "instance-hour", 730)
    fee = replace(hours, assumptions=("managed_instances_fee",))
    once = energy([hours], "us-east-1", utilisation=1)
    assert energy([hours, fee], "us-east-1", utilisation=1) == once


def test_more_work_draws_more_and_idling_draws_something() -> None:
    task = [charge("Fargate", "vCPU ARM", "vCPU-hour", 730)]
    drawn = [
        energy(task, "us-east-1", utilisation=share).kwh.minimum
        for share in (0, 0.5, 1)
    ]
    assert 0 < drawn[0] < drawn[1] < drawn[2]


def test_a_million_predictions_by_hand() -> None:
    """2 vCPU at full load with 4 GB: 7 + 1.568 W, for 2,500 s."""
    found = energy_per_million(SERVING, "us-west-2")
    kwh = (2 * 3.5 + 4 * MEMORY) * PUE * 2500 / 3.6e6
    assert found.kwh == pytest.approx(kwh)
    assert found.grams_co2e == pytest.approx(kwh * 322.167)
    on_arm = energy_per_million(SERVING, "us-west-2", arm=True)
    watts = 2 * processors()["fargate ARM"].full + 4 * MEMORY
    assert on_arm.kwh == pytest.approx(watts * PUE * 2500 / 3.6e6)
    assert on_arm.kwh != pytest.approx(kwh)


def test_half_used_tasks_make_predictions_dearer_but_not_twice() -> None:
    """Idle watts are shared by half as many; those of the work stay: 2.12 W a vCPU."""
    full = energy_per_million(SERVING, "us-west-2").kwh
    half = energy_per_million(SERVING, "us-west-2", utilisation=0.5).kwh
    assert full < half < 2 * full
    assert half == pytest.approx((2 * 2.12 + 4 * MEMORY) * PUE * 5000 / 3.6e6)


def test_a_faster_model_draws_less() -> None:
    faster = replace(SERVING, requests_per_second=800)
    full = energy_per_million(SERVING, "us-east-1").kwh
    assert energy_per_million(faster, "us-east-1").kwh == pytest.approx(full / 2)


@pytest.mark.parametrize("utilisation", [0, -0.1, 1.01, float("nan")])
def test_refuses_an_impossible_utilisation(utilisation: float) -> None:
    with pytest.raises(ValueError, match=f"utilisation: {utilisation} is not above 0"):
        energy_per_million(SERVING, "us-east-1", utilisation=utilisation)


def test_names_a_region_without_a_grid() -> None:
    with pytest.raises(CarbonError, match="grid: no moon-1; there are: us-east-1"):
        grams_per_kwh("moon-1")
    with pytest.raises(SizeError):
        energy_per_million(replace(SERVING, memory_mib=900_000), "us-east-1")


def test_every_instance_type_has_watts() -> None:
    for kind in instance_types().values():
        assert kind.family in processors()
        assert kind.gpu is None or kind.gpu in gpus()


def test_every_figure_has_a_source_and_a_date() -> None:
    table = json.loads(TABLE.read_text())
    rows = [*table["grid"], *table["processors"], *table["gpus"]]
    for row in [*rows, table["memory"], table["pue"]]:
        assert row["source"].startswith("https://"), row
        assert row["as_of"] > "2020", row


def test_a_busy_machine_never_draws_less_than_an_idle_one() -> None:
    for watts in [*processors().values(), *gpus().values()]:
        assert 0 < watts.idle < watts.full
