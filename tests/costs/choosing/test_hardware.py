from __future__ import annotations

from dataclasses import replace

import pytest

from costs.book import read_book
from costs.choosing.hardware import Machine, Unfit, machines, peak_mib
from costs.choosing.processors import SPEEDS
from costs.choosing.variants import Variant
from costs.scale import Scale
from costs.usage import Usage
from tests.costs.choosing.conftest import INT8, SERVING

BOOK = read_book("us-east-1")


def found(variant: Variant = INT8, usage: Usage | None = None) -> list[Machine]:
    every = machines(variant, BOOK, usage or Usage())
    return [each for each in every if isinstance(each, Machine)]


def named(name: str, lent: str = "on-demand", usage: Usage | None = None) -> Machine:
    (one,) = (m for m in found(usage=usage) if (m.name, m.lent) == (name, lent))
    return one


def measured(memory_mib: int) -> Variant:
    return replace(INT8, serving=replace(SERVING, memory_mib=memory_mib))


def test_memory_grows_with_the_threads() -> None:
    assert peak_mib(SERVING, 0.25) == 150
    assert peak_mib(SERVING, 4) == 600
    of_two = replace(SERVING, vcpu=2.0)
    assert [peak_mib(of_two, vcpu) for vcpu in (1, 2, 4)] == [150, 150, 300]


def test_every_machine_is_one_or_says_why_not() -> None:
    every = list(machines(INT8, BOOK, Usage()))
    names = [each.name for each in every]
    assert "Fargate x86 0.25 vCPU 0.5 GB" in names
    assert "c7g.large" in names
    reasons = {each.name: each.reason for each in every if isinstance(each, Unfit)}
    assert "no Neuron backend" in reasons["inf2"]
    assert "not measured" in reasons["g5.xlarge (1 x A10G)"]
    assert "burstable" in reasons["t3.medium"]


def test_a_model_too_large_for_a_size_is_not_offered_on_it() -> None:
    every = list(machines(measured(2_000), BOOK, Usage()))
    reasons = {each.name: each.reason for each in every if isinstance(each, Unfit)}
    assert "not sold with it" in reasons["Fargate x86 0.25 vCPU"]
    assert reasons["c7i.large"] == "5000 MiB are needed, 3686 left to tasks"


def test_a_quarter_more_than_was_measured_must_be_left_to_tasks() -> None:
    """Two threads of 1,500 MiB fit into 3,686, but not with a quarter more."""
    names = [each.name for each in found(measured(1_500))]
    assert "c7i.large" not in names
    assert "m7i.large" in names


def test_each_thread_of_a_fargate_task_has_its_memory() -> None:
    """Four times 2,000 MiB and a quarter more."""
    names = [each.name for each in found(measured(2_000))]
    assert "Fargate x86 4 vCPU 10 GB" in names


def test_an_instance_costs_its_hours_and_its_disk() -> None:
    """30 GB of gp3 at 0.08 a month; Spot has a price of its own."""
    disk = 30 * 0.08 / 730
    assert named("c7g.large").hourly == pytest.approx(0.0725 + disk)
    assert named("c7g.large", "Spot").hourly == pytest.approx(0.03698 + disk)


def test_a_fargate_task_on_spot_costs_less_by_what_is_expected() -> None:
    name, usage = "Fargate ARM 1 vCPU 2 GB", Usage(spot_discount=Scale(0.1, 0.6, 0.7))
    spot, usual = named(name, "Spot", usage), named(name)
    assert spot.hourly == pytest.approx(0.4 * usual.hourly)


def test_a_task_is_there_after_a_minute_and_an_instance_after_three() -> None:
    assert named("Fargate x86 1 vCPU 2 GB").start_seconds == 60
    assert named("c7g.large").start_seconds == 180


def test_what_a_price_and_a_release_want_is_said() -> None:
    assert named("Fargate x86 1 vCPU 2 GB").note == named("c7i.large").note == ""
    for name in ("Fargate ARM 1 vCPU 2 GB", "c7g.large"):
        assert named(name).note == "wants a release built on ARM"
    for name in ("Fargate x86 1 vCPU 2 GB", "c7g.large"):
        assert named(name).weakness is None
        assert (named(name, "Spot").weakness or "").startswith("ASSUMPTION")


def test_a_machine_is_as_fast_as_its_processor() -> None:
    for machine in found():
        (speed,) = (s for kind, s in SPEEDS.items() if machine.name.startswith(kind))
        assert machine.speed == speed


def test_a_range_of_speeds_rises_and_says_where_it_is_from() -> None:
    for speed in SPEEDS.values():
        assert 0 < speed.low <= speed.expected <= speed.high
        assert "https://" in speed.basis or "ASSUMPTION" in speed.basis


def test_a_fargate_size_costs_what_the_book_says() -> None:
    one = named("Fargate x86 1 vCPU 2 GB")
    assert one.hourly == pytest.approx(0.04048 + 2 * 0.004445)


@pytest.mark.parametrize(
    ("changes", "lacks"),
    [({"architecture": "arm64"}, "x86"), ({"runtime": "tf_serving"}, "ARM")],
)
def test_a_release_is_not_thought_of_where_it_cannot_run(
    changes: dict[str, str], lacks: str
) -> None:
    names = [each.name for each in found(replace(INT8, **changes))]  # type: ignore[arg-type]
    assert names
    assert not any(name.startswith(f"Fargate {lacks}") for name in names)
    assert ("c7g.large" in names) == (lacks == "x86")
