"""Spot and savings plans: what is paid of a price is an assumption, hours are not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from costs.energy import energy
from costs.scale import Scale
from costs.tables import billed
from costs.usage import Usage
from tests.costs.conftest import Billed, BilledLine
from tests.costs.samples import stages
from tests.costs.worked.instances import group, managed, tasks
from tests.costs.worked.jobs import job
from tests.costs.worked.subjects import service

PLAN = replace(Usage(), savings_plan_discount=Scale.always(0.2))
SPOT = service(
    CapacityProviderStrategy=[{"CapacityProvider": "FARGATE_SPOT", "Weight": 1}]
)


def test_spot_hours_are_real_hours_at_a_share_of_the_price(
    billed_line: BilledLine,
) -> None:
    line = billed_line(SPOT)
    vcpu = line.estimate.charges[0]
    assert vcpu.quantity == Scale.always(365)  # half a vCPU, 730 hours
    assert vcpu.paid.expected == pytest.approx(0.32)
    assert vcpu.assumptions == ("spot_discount",)
    assert billed(vcpu).endswith("365 vCPU-hour @ $0.04048 x 0.32")


def test_tasks_of_jobs_on_spot_are_paid_at_the_same_share(
    billed_line: BilledLine,
) -> None:
    full, spot = billed_line(job("FARGATE")), billed_line(job("FARGATE_SPOT"))
    assert spot.monthly.expected == pytest.approx(0.32 * full.monthly.expected)
    assert "job_task_hours" in spot.estimate.charges[0].assumptions


def test_without_a_savings_plan_nobody_hears_of_one(billed_line: BilledLine) -> None:
    line = billed_line(service())
    assert all(charge.assumptions == () for charge in line.estimate.charges)


def test_a_savings_plan_takes_its_share_off_fargate_but_not_off_spot(
    billed_line: BilledLine,
) -> None:
    full, planned = billed_line(service()), billed_line(service(), PLAN)
    assert planned.monthly.expected == pytest.approx(0.8 * full.monthly.expected)
    assert planned.estimate.charges[0].assumptions == ("savings_plan_discount",)
    assert billed_line(SPOT, PLAN).monthly == billed_line(SPOT).monthly


def test_a_savings_plan_takes_its_share_off_instances_and_not_off_their_disks(
    billed_line: BilledLine,
) -> None:
    full = billed_line(group("c7i.large")).estimate
    planned = billed_line(group("c7i.large"), PLAN).estimate
    for before, after in zip(full.charges, planned.charges, strict=True):
        factor = 0.8 if before.price.service == "EC2" else 1
        assert after.monthly.maximum == pytest.approx(factor * before.monthly.maximum)


def test_a_savings_plan_takes_nothing_off_instances_on_spot(
    billed_line: BilledLine,
) -> None:
    on_spot = group("c7i.large", OnDemandPercentageAboveBaseCapacity=0)
    full = billed_line(on_spot).monthly
    assert billed_line(on_spot, PLAN).monthly == full


def test_a_savings_plan_covers_no_fee(billed_line: BilledLine) -> None:
    resources = {**managed("c7i.large"), **tasks(1)}
    full = billed_line(resources).estimate.charges
    planned = billed_line(resources, PLAN).estimate.charges
    fees = [
        (before, after)
        for before, after in zip(full, planned, strict=True)
        if "managed_instances_fee" in before.assumptions
    ]
    assert all(before == after for before, after in fees)
    assert [before.quantity for before, _ in fees] == [full[0].quantity]


def test_energy_is_of_hours_whatever_is_paid_for_them(billed: Billed) -> None:
    full, planned = billed(stages()), billed(stages(), PLAN)
    assert full.monthly.expected > planned.monthly.expected
    assert full.energy == planned.energy


def test_the_fee_on_an_instance_draws_nothing_of_its_own(
    billed: Billed,
) -> None:
    """Its hours are those of the instance."""
    found = billed({"dev": {"dev-one": {**managed("c7i.large"), **tasks(1)}}})
    assert found.energy
    hours = [
        charge
        for line in found.lines
        for charge in line.estimate.charges
        if charge.price.service == "EC2" and not charge.assumptions
    ]
    assert len(hours) == 1
    assert found.energy == energy(hours, "us-east-1", utilisation=0.5)
