from __future__ import annotations

from dataclasses import replace

import pytest

from costs.book import read_book
from costs.choosing.autoscaling import minutes
from costs.choosing.fleet import Fleet, Lateness, cheapest_fleet, fewest
from costs.choosing.hardware import Machine, Unfit, machines, peak_mib
from costs.choosing.objective import LATE_SIMULATED, Objective
from costs.choosing.processors import Speed
from costs.choosing.queueing import Server
from costs.choosing.service_time import ServiceTime
from costs.choosing.traffic import Profile, shape
from costs.usage import Usage
from tests.costs.choosing.conftest import INT8, SERVING

BOOK = read_book("us-east-1")
TEN_MS = ServiceTime(tuple(8 + i / 100 for i in range(400)), 0.0)
SPEED = Speed(1.0, 1.0, 1.0, "a test")
ONE = Machine("one", 1.0, 0.05, SPEED, 58.0, "on-demand")


def fleet(profile: Profile, machine: Machine = ONE, p99_ms: float = 60) -> Fleet:
    found = cheapest_fleet(machine, TEN_MS, Objective(profile, p99_ms), 1.0)
    assert isinstance(found, Fleet)
    return found


def test_more_traffic_is_never_fewer_machines() -> None:
    billed = [fleet(shape("steady").at(rate)).billed for rate in (5, 50, 100, 400)]
    assert billed == sorted(billed)
    assert billed[0] == 1
    assert 400 / 100 < billed[-1] < 400 / 100 * 2  # a machine does 100 a second


def test_a_tighter_time_is_never_fewer_machines() -> None:
    steady = shape("steady").at(300)
    billed = [fleet(steady, p99_ms=p99).billed for p99 in (200, 60, 40, 30)]
    assert billed == sorted(billed)
    assert billed[0] < billed[-1]


def test_what_is_found_keeps_the_objective_and_one_less_does_not() -> None:
    steady = shape("steady").at(300)
    found = fleet(steady)
    lateness = Lateness(Server(TEN_MS, 1.0), 60)
    count = found.scaling.min_tasks
    for tasks, keeps in ((count, True), (count - 1, False)):
        scaling = replace(found.scaling, min_tasks=tasks, max_tasks=tasks)
        late = lateness.share(minutes(steady, scaling))
        assert (late <= LATE_SIMULATED) == keeps
    assert found.p99_ms <= 60


def test_a_night_is_not_paid_for_like_an_afternoon() -> None:
    day = fleet(shape("day-night").at(300))
    assert day.load_percent is not None
    peak = fleet(shape("steady").at(540))
    assert day.billed < 0.8 * peak.billed


def test_bursts_shorter_than_a_start_are_met_by_who_is_there() -> None:
    rates = tuple(500.0 if minute % 60 < 3 else 50.0 for minute in range(60))
    found = fleet(Profile("spikes", rates))
    assert found.scaling.min_tasks >= 5


def test_spot_has_one_more_and_the_same_bounds() -> None:
    steady = shape("steady").at(300)
    spot = fleet(steady, replace(ONE, lent="Spot"))
    assert spot.billed == fleet(steady).billed + 1


def test_says_when_it_is_too_slow_even_alone() -> None:
    slow = cheapest_fleet(ONE, TEN_MS, Objective(shape("steady").at(1), 9.0), 1.0)
    assert isinstance(slow, str)
    assert "with nobody before it" in slow


def test_no_fleet_is_smaller_than_the_bound_that_spares_its_simulation() -> None:
    for rate in (5, 80, 333):
        objective = Objective(shape("steady").at(rate), 60)
        assert fewest(ONE, TEN_MS, objective) <= fleet(shape("steady").at(rate)).billed


def test_as_many_run_as_are_wanted_at_least() -> None:
    objective = Objective(shape("steady").at(1), 60, at_least=3)
    found = cheapest_fleet(ONE, TEN_MS, objective, 1.0)
    assert isinstance(found, Fleet)
    assert found.billed == 3


def test_memory_grows_with_the_threads() -> None:
    assert peak_mib(SERVING, 0.25) == 150
    assert peak_mib(SERVING, 4) == 600


def test_every_machine_is_one_or_says_why_not() -> None:
    found = list(machines(INT8, BOOK, Usage()))
    names = [each.name for each in found]
    assert "Fargate x86 0.25 vCPU 0.5 GB" in names
    assert "c7g.large" in names
    reasons = {each.name: each.reason for each in found if isinstance(each, Unfit)}
    assert "no Neuron backend" in reasons["inf2"]
    assert "not measured" in reasons["g5.xlarge (1 x A10G)"]
    assert "burstable" in reasons["t3.medium"]


def test_a_model_too_large_for_a_size_is_not_offered_on_it() -> None:
    large = replace(INT8, serving=replace(SERVING, memory_mib=2_000))
    found = list(machines(large, BOOK, Usage()))
    reasons = {each.name: each.reason for each in found if isinstance(each, Unfit)}
    assert "not sold with it" in reasons["Fargate x86 0.25 vCPU"]
    assert "3686 left to tasks" in reasons["c7i.large"]


def test_a_fargate_size_costs_what_the_book_says() -> None:
    found = machines(INT8, BOOK, Usage())
    (one,) = (
        each
        for each in found
        if isinstance(each, Machine)
        and each.name == "Fargate x86 1 vCPU 2 GB"
        and each.lent == "on-demand"
    )
    assert one.hourly == pytest.approx(0.04048 + 2 * 0.004445)


@pytest.mark.parametrize(
    ("changes", "lacks"),
    [({"architecture": "arm64"}, "x86"), ({"runtime": "tf_serving"}, "ARM")],
)
def test_a_release_is_not_thought_of_where_it_cannot_run(
    changes: dict[str, str], lacks: str
) -> None:
    found = list(machines(replace(INT8, **changes), BOOK, Usage()))  # type: ignore[arg-type]
    names = [each.name for each in found if isinstance(each, Machine)]
    assert names
    assert not any(name.startswith(f"Fargate {lacks}") for name in names)
    assert ("c7g.large" in names) == (lacks == "x86")
