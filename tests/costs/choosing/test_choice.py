from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from costs.choosing import choice as choosing
from costs.choosing.autoscaling import Scaling
from costs.choosing.break_even import KINDS, break_evens, points, sensitivities
from costs.choosing.choice import RUNNERS_UP, Choice, _scale, choose
from costs.choosing.door import door
from costs.choosing.fleet import Fleet
from costs.choosing.hardware import Machine
from costs.choosing.queued import Queued
from costs.choosing.variants import Variant
from costs.usage import Usage
from tests.costs.choosing.conftest import INT8, asked
from tests.costs.choosing.test_fleet import ONE

FIFTY = choose(asked(50))
TEACHER = replace(
    INT8, name="teacher", service=INT8.service.on(1 / 3), quality=0.93, released=False
)


def monthly(choice: Choice) -> float:
    assert choice.best is not None
    return choice.best.monthly


def test_the_cheapest_comes_first_and_keeps_the_objective() -> None:
    costs = [offer.monthly for offer in FIFTY.offers]
    assert costs == sorted(costs)
    assert len(costs) > RUNNERS_UP
    for offer in FIFTY.offers:
        assert offer.p99_ms is not None
        assert offer.p99_ms <= 100


def test_every_other_says_why_it_is_not_chosen() -> None:
    assert all(offer.reason for offer in FIFTY.others)
    modes = {offer.mode for offer in (*FIFTY.offers, *FIFTY.others)}
    assert modes == {"real-time", "asynchronous", "serverless", "batch"}


def test_what_was_not_simulated_could_not_have_been_a_runner_up() -> None:
    last = FIFTY.offers[RUNNERS_UP].monthly
    spared = [offer for offer in FIFTY.others if not offer.simulated]
    assert spared
    assert all(offer.monthly > last for offer in spared)


def test_the_same_question_has_the_same_answer() -> None:
    assert choose(asked(50)) == FIFTY


def test_more_traffic_and_less_time_are_never_cheaper() -> None:
    more = [monthly(choose(asked(rate))) for rate in (1, 50, 300)]
    assert more == sorted(more)
    less = [monthly(choose(asked(50, p99))) for p99 in (500, 100, 30)]
    assert less == sorted(less)


def test_who_can_wait_for_a_day_is_served_in_batches() -> None:
    best = choose(asked(50, p99_ms=2 * 86_400_000)).best
    assert best is not None
    assert best.mode == "batch"


def test_nothing_answers_before_its_work_is_done() -> None:
    found = choose(asked(50, p99_ms=2))
    assert found.best is None
    assert any("with nobody before it" in str(offer.reason) for offer in found.others)


def test_a_budget_refuses_what_is_above_it() -> None:
    assert choose(asked(50, budget=monthly(FIFTY) + 0.01)).best == FIFTY.best
    poor = choose(asked(50, budget=5.0))
    assert poor.best is None
    assert any("above the budget of 5.00" in str(o.reason) for o in poor.others)


@pytest.mark.parametrize(("quality", "name"), [(0.856, "int8"), (0.9, "teacher")])
def test_the_cheapest_variant_that_is_good_enough_is_chosen(
    quality: float, name: str
) -> None:
    variants: tuple[Variant, ...] = (INT8, TEACHER)
    found = choose(asked(50, variants=variants, quality=quality))
    assert found.best is not None
    assert found.best.variant == name
    worse = {o.reason for o in found.others if o.variant == "int8"}
    assert ("macro_f1 0.856, below 0.900" in worse) == (quality == 0.9)


def test_real_time_pays_for_its_door() -> None:
    (one, *_) = (o for o in FIFTY.offers if o.machine == "Fargate x86 0.5 vCPU 1 GB")
    task = 730 * (0.5 * 0.04048 + 1 * 0.004445)
    assert one.scale == "1 machine"
    assert one.monthly == pytest.approx(task + door("us-east-1", Usage(), 50.0))
    assert door("us-east-1", Usage(), 50.0) > 730 * 0.0225


def test_spot_runs_one_more_and_says_what_its_price_rests_on() -> None:
    offers = {offer.machine: offer for offer in FIFTY.offers}
    usual, spot = (offers[f"Fargate x86 0.5 vCPU 1 GB{lent}"] for lent in ("", " Spot"))
    assert (usual.scale, spot.scale) == ("1 machine", "2 machines")
    assert usual.notes == ()
    assert spot.notes == (
        "one machine more than needed, for Spot takes some back",
        "price: ASSUMPTION: spot_discount",
    )


def test_a_machine_on_arm_says_what_it_wants() -> None:
    for offer in FIFTY.offers:
        if "ARM" in offer.machine or "7g" in offer.machine:
            assert "wants a release built on ARM" in offer.notes


def test_a_queue_is_worked_off_by_tasks() -> None:
    (queue,) = (o for o in FIFTY.others if o.mode == "asynchronous")
    assert queue.machine.startswith("Fargate")
    assert queue.scale.endswith(", 100 % of the time")


def test_a_fleet_that_scales_on_spot_has_one_more_at_both_ends() -> None:
    scaling = Scaling(1, 6, 10.0, 60.0)
    on_demand = Fleet(ONE, scaling, 3.0, 20.0, 45)
    assert _scale(on_demand) == "1 to 6 machines, load_percent 45"
    on_spot = replace(on_demand, machine=replace(ONE, lent="Spot"))
    assert _scale(on_spot) == "2 to 7 machines, load_percent 45"


def test_a_fleet_waits_for_its_server_and_a_queue_has_tasks_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ready, queued = set[float](), set[str]()

    def no_fleet(*asked: Any, is_rough: bool) -> str:
        ready.add(asked[3])
        return "not in this test"

    def from_zero(candidates: Sequence[Machine], *rest: Any) -> Queued:
        queued.update(machine.name.split()[0] for machine in candidates)
        return Queued(candidates[0], 1, 1.0, 1.0, 1e9)

    monkeypatch.setattr(choosing, "cheapest_fleet", no_fleet)
    monkeypatch.setattr(choosing, "from_zero", from_zero)
    choose(asked(1))
    assert (ready, queued) == ({INT8.ready_seconds}, {"Fargate"})


def least(**changes: Any) -> dict[str, float]:
    """What each costs at the very least, at a time that nobody keeps."""
    question = replace(asked(5_000, p99_ms=2), **changes)
    before = door("us-east-1", Usage(), 5_000.0)
    return {
        o.machine: o.monthly - (before if o.mode == "real-time" else 0)
        for o in choose(question).others
        if o.mode in ("real-time", "serverless")
    }


def test_machines_and_functions_cost_more_by_the_factor_of_a_sensitivity() -> None:
    usual, dearer = least(), least(price_factor=1.2)
    assert len(usual) > 20
    assert dearer == pytest.approx({name: 1.2 * usd for name, usd in usual.items()})


def test_as_fast_as_expected_is_neither_slow_nor_fast() -> None:
    name = "Fargate x86 1 vCPU 2 GB"
    slow, expected = least()[name], least(expected_speed=True)[name]
    assert expected == pytest.approx(slow * 0.7 / 1.0)


@pytest.mark.parametrize(
    "change", [{"runtime": "tf_serving"}, {"architecture": "arm64"}]
)
def test_only_what_was_measured_as_a_light_server_on_x86_is_a_function(
    change: dict[str, Any],
) -> None:
    found = choose(asked(1, p99_ms=2, variants=(replace(INT8, **change),)))
    reasons = {o.reason for o in found.others if o.mode == "serverless"}
    (reason,) = reasons
    assert str(reason).startswith("only the light server, measured on x86")


def test_seldom_called_is_serverless_and_often_called_is_not() -> None:
    def mode(rate: float) -> str:
        best = choose(asked(rate, p99_ms=10_000)).best
        return best.mode if best else ""

    assert mode(0.01) == "serverless"
    assert mode(200) == "real-time"


def test_lines_cross_where_another_becomes_cheaper() -> None:
    question = asked(50)
    found = points(question)
    crossings = break_evens(found)
    assert {each.cheaper for each in crossings} >= {"always on"}
    for each in crossings:
        before, after = (
            replace(p, offers={k: p.offers[k] for k in (each.cheaper, each.dearer)})
            for p in (found[0], found[-1])
        )
        assert (
            before.offers[each.cheaper].monthly > before.offers[each.dearer].monthly
            or after.offers[each.cheaper].monthly < after.offers[each.dearer].monthly
        )
    assert set(found[0].offers) == set(KINDS.values())


def test_dearer_machines_and_slower_models_cost_more() -> None:
    by = {(each.what, each.change): each.best for each in sensitivities(FIFTY)}
    assert len(by) == 7
    fast = by[("processors", None)]
    assert fast is not None
    assert fast.monthly <= monthly(FIFTY)
    for what in ("price", "service time", "traffic"):
        low, high = by[(what, -0.2)], by[(what, 0.2)]  # type: ignore[index]
        assert low is not None
        assert high is not None
        assert low.monthly <= monthly(FIFTY) <= high.monthly
