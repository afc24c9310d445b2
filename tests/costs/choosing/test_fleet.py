from __future__ import annotations

import math
from dataclasses import replace

import pytest

from costs.choosing import fleet as fleets
from costs.choosing import queueing
from costs.choosing.autoscaling import Minute, minutes
from costs.choosing.fleet import Fleet, Lateness, _all_keep, cheapest_fleet, fewest
from costs.choosing.hardware import Machine
from costs.choosing.objective import LATE_SIMULATED, Objective
from costs.choosing.processors import Speed
from costs.choosing.queueing import STEP, Server, load
from costs.choosing.service_time import ServiceTime
from costs.choosing.simulation import simulate
from costs.choosing.traffic import Profile, shape

TEN_MS = ServiceTime(tuple(8 + i / 100 for i in range(400)), 0.0)
SPEED = Speed(1.0, 1.0, 1.0, "a test")
ONE = Machine("one", 1.0, 0.05, SPEED, 58.0, "on-demand")
SERVER = Server(TEN_MS, 1.0)
# A slow model, so that few requests are enough to be simulated one by one.
SLOW = TEN_MS.on(1 / 10)
WAVES = Profile("waves", (*(2.0,) * 30, *(8.0,) * 30))


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
    passed = minutes(shape("day-night").at(300), day.scaling)
    assert Lateness(SERVER, 60).share(passed) <= 0.01
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
    assert slow == "p99 12 ms with nobody before it, and the time is too short"


def test_says_when_too_many_are_refused_however_few_come() -> None:
    """A thread that is busy for 100 ms lets nobody wait for 50."""
    objective = Objective(shape("steady").at(0.1), 600)
    refused = cheapest_fleet(ONE, SLOW, objective, 1.0)
    assert (
        refused == "over 1 % are late or refused (MAX_WAIT_MS 50) at 2.5 % of its load"
    )


def test_no_fleet_is_smaller_than_the_bound_that_spares_its_simulation() -> None:
    for rate in (5, 80, 333):
        objective = Objective(shape("steady").at(rate), 60)
        assert fewest(ONE, TEN_MS, objective) <= fleet(shape("steady").at(rate)).billed


def test_the_bound_is_the_work_that_must_be_done_in_time() -> None:
    objective = Objective(shape("steady").at(333), 60)
    assert fewest(ONE, TEN_MS, objective) == pytest.approx(0.99 * 3.33, rel=0.002)
    spot = replace(ONE, lent="Spot")
    assert fewest(spot, TEN_MS, objective) == fewest(ONE, TEN_MS, objective) + 1
    assert fewest(ONE, TEN_MS, replace(objective, at_least=7)) == 7


def test_as_many_run_as_are_wanted_at_least() -> None:
    objective = Objective(shape("steady").at(1), 60, at_least=3)
    found = cheapest_fleet(ONE, TEN_MS, objective, 1.0)
    assert isinstance(found, Fleet)
    assert found.billed == 3


def slow(machine: Machine = ONE, profile: Profile = WAVES, **changes: float) -> Fleet:
    asked = {"max_wait_ms": 500.0, **changes}
    objective = Objective(profile, 600, **asked)  # type: ignore[arg-type]
    found = cheapest_fleet(machine, SLOW, objective, 10.0)
    assert isinstance(found, Fleet)
    return found


def test_what_scales_is_simulated_as_a_whole_and_keeps_the_time() -> None:
    found = slow()
    assert found.scaling.min_tasks < found.scaling.max_tasks
    for seed in (0, 101, 105):
        server = Server(SLOW, 1.0, 500.0)
        assert simulate(server, found.scaling, WAVES, p99_ms=600, seed=seed).late < 0.01


def test_no_seed_may_be_late_and_all_together_keep_some_room() -> None:
    assert _all_keep(lambda seed: 0.0085)
    assert not _all_keep(lambda seed: 0.0095)
    assert not _all_keep(lambda seed: 0.011 if seed == 105 else 0.0)


def test_the_order_in_which_targets_are_tried_is_no_matter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    billed = slow().billed
    fleets._kept.cache_clear()
    monkeypatch.setattr(fleets, "_TARGETS", fleets._TARGETS[::-1])
    assert slow().billed == billed


def test_the_most_tasks_are_enough_for_the_peak_at_the_target() -> None:
    scaling = slow().scaling
    assert scaling.max_tasks >= math.ceil(8 / scaling.target)


def test_a_target_is_said_in_percent_of_what_was_measured() -> None:
    """Of 20 a second: two vCPU as fast as the measured one, however slow these are."""
    twice = replace(ONE, vcpu=2.0, speed=Speed(0.5, 1.0, 1.0, "a test"))
    found = slow(twice, Profile("tides", (*(4.0,) * 120, *(40.0,) * 120)))
    percent = 100 * found.scaling.target / 20
    assert found.load_percent == pytest.approx(percent, abs=1)


def test_a_task_starts_when_its_server_is_ready_on_a_slow_machine() -> None:
    half = replace(ONE, speed=Speed(0.5, 1.0, 1.0, "a test"))
    assert slow(half).scaling.start_seconds == 58 + 10 / 0.5
    assert slow(half).billed > 1.5 * slow().billed


def test_who_is_refused_sooner_is_late_more_often() -> None:
    steady = shape("steady").at(30)
    assert slow(profile=steady, max_wait_ms=200.0).billed > slow(profile=steady).billed


def test_more_machines_than_a_service_may_have_are_refused() -> None:
    many = cheapest_fleet(ONE, TEN_MS, Objective(shape("steady").at(1e6), 60), 1.0)
    assert isinstance(many, str)
    assert many.endswith("machines, above 2,000")


def steps(lateness: Lateness, *times: float) -> list[Minute]:
    """Minutes of one machine at so many steps of load."""
    a_step = STEP * lateness.server.capacity
    return [Minute(each * a_step, 1, 1) for each in times]


def test_between_two_loads_the_share_of_late_ones_lies_between() -> None:
    lateness = Lateness(SERVER, 45)
    low, high = lateness.at(28), lateness.at(29)
    assert 0 < low < high
    found = lateness.share(steps(lateness, 28.25))
    assert found == pytest.approx(0.75 * low + 0.25 * high)


def test_what_is_hardly_late_is_asked_once_and_remembered() -> None:
    """Only where next to nobody is late, nobody counts as late."""
    lateness = Lateness(SERVER, 45)
    for step in range(4, 32):
        first = lateness.at(step)
        assert lateness.at(step) == first or first < 0.0001


def test_where_it_is_close_more_requests_are_simulated() -> None:
    def rough(step: int) -> float:
        return load(SERVER, step, queueing.REQUESTS).late(45)

    lateness = Lateness(SERVER, 45)
    close = [s for s in range(20, 40) if 0.004 < rough(s) < 0.029]
    assert close
    for step in close:
        more = load(SERVER, step, 8 * queueing.REQUESTS)
        assert lateness.at(step) == more.late(45)


def test_what_is_overloaded_is_late() -> None:
    assert Lateness(SERVER, 1e9).at(round(1.5 / STEP) + 1) == 1


def test_the_p99_is_that_of_99_in_100() -> None:
    lateness = Lateness(SERVER, 45)
    found = load(SERVER, 26).latencies_ms
    p99 = lateness.p99_ms(steps(lateness, 26))
    assert found[int(0.985 * len(found))] < p99 < found[int(0.995 * len(found))]


def test_where_too_many_are_refused_there_is_no_p99() -> None:
    lateness = Lateness(SERVER, 45)
    assert lateness.p99_ms(steps(lateness, 50)) == math.inf


def test_who_meets_hardly_anybody_has_the_p99_of_a_request_alone() -> None:
    lateness = Lateness(SERVER, 45)
    assert lateness.at(4) == 0
    p99 = lateness.p99_ms(steps(lateness, 1))
    assert TEN_MS.p99_ms < p99 < 2 * TEN_MS.p99_ms
