from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from costs.assembly import AssemblyError
from costs.bill import bill
from costs.charges import SECONDS
from costs.choosing.processors import LAMBDA
from costs.modes.comparison import Comparison, Way, compare, envelopes
from costs.modes.scenario import MODES
from costs.reading import read_assembly
from costs.scale import Scale
from costs.usage import Usage
from tests.costs.modes.conftest import Compared, Copies, copies
from tests.costs.samples import endpoint, released, resource, write_assembly

TRAFFICS = [0.0, *(10 ** (n / 3) for n in range(31))]  # requests a month
BY_NAME = {mode.name: mode for mode in MODES}
WAITS = [BY_NAME["real-time"], BY_NAME["asynchronous"]]


def way(found: Comparison, name: str) -> Way:
    return next(each for each in found.ways if each.mode.name == name)


def test_a_mode_costs_what_the_bill_of_its_stage_says_without_what_is_there_anyway(
    found: Comparison,
) -> None:
    real_time = way(found, "real-time")
    usage = Usage()
    requests = usage.requests_per_second.expected * SECONDS
    whole, rest = (bill(each, usage) for each in (real_time.stage, real_time.without))
    expected = whole.monthly.expected - rest.monthly.expected
    assert real_time.monthly(requests) == pytest.approx(expected)


def test_steps_of_real_time_are_those_of_its_tasks(found: Comparison) -> None:
    real_time, task = way(found, "real-time"), 12 * 0.6 * SECONDS
    idle, one, two = (real_time.monthly(task * n) for n in (0.001, 0.999, 1.001))
    assert one - idle < 10  # a load balancer's units, what leaves to the internet
    hour = 0.5 * 0.04048 + 1 * 0.004445 + 0.005
    assert two - one == pytest.approx(730 * hour, rel=0.01)


@pytest.mark.parametrize("mode", BY_NAME)
def test_more_traffic_never_costs_less(found: Comparison, mode: str) -> None:
    costs = [way(found, mode).monthly(requests) for requests in TRAFFICS]
    assert costs == sorted(costs)
    assert costs[-1] > costs[0]


def test_nobody_pays_for_a_job_without_a_file(found: Comparison) -> None:
    assert way(found, "batch").monthly(0) == 0


def test_a_batch_is_the_seconds_of_its_requests(found: Comparison) -> None:
    """Ten million more, at twelve a second, on Spot at 68 % off."""
    hour = (0.5 * 0.04048 + 1 * 0.004445) * (1 - 0.68)
    more = way(found, "batch").monthly(2e7) - way(found, "batch").monthly(1e7)
    assert more == pytest.approx(1e7 / 12 / 3600 * hour)


def test_a_function_is_charged_by_the_request(found: Comparison) -> None:
    """1/12 s of half a core alone, by a core of Lambda's; one in a hundred starts."""
    one, two = (way(found, "serverless").monthly(n) for n in (1e6, 2e6))
    core = LAMBDA.expected
    seconds = 0.5 / 12 / core + 0.0005 + 0.01 * 2
    each = seconds * 1769 / 1024 * 0.0000166667 + 0.2e-6
    assert two - one == pytest.approx(1e6 * each, rel=1e-6)


def test_what_waits_is_charged_by_submissions_and_by_a_workers_time(
    found: Comparison,
) -> None:
    """Where a worker is always busy: S3, SQS, the door, 1/12 s and 2 ms of a task."""
    hour = 0.5 * 0.04048 + 1 * 0.004445 + 0.005
    worker = (1 / 12 + 0.002) / 3600 * hour
    door = 3 * (0.1 * 0.5 * 0.0000133334 + 0.2e-6)
    stored = 2 * 0.005e-3 + 3 * 0.0004e-3
    each = worker + door + stored + 3 * 0.4e-6
    one, two = (way(found, "asynchronous").monthly(n) for n in (1e9, 2e9))
    assert two - one == pytest.approx(1e9 * each, rel=1e-6)


@pytest.mark.parametrize("requests", [1e2, 4e3, 3e4, 7e5, 2e6, 5e7, 9.9e9])
def test_the_cheapest_is_the_cheapest(found: Comparison, requests: float) -> None:
    for envelope in found.envelopes:
        costs = {name: way(found, name).monthly(requests) for name in envelope.modes}
        span = next(
            span
            for span in envelope.spans
            if span.to_requests is None or requests < span.to_requests
        )
        assert costs[span.mode] == min(costs.values()), envelope


def test_both_cost_the_same_where_another_becomes_the_cheapest(
    found: Comparison,
) -> None:
    """But for a step of real-time, on whose edge one of them jumps."""
    changes = [pair for each in found.envelopes for pair in pairwise(each.spans)]
    assert changes
    for before, after in changes:
        assert before.to_requests
        below, above = (
            {
                name: way(found, name).monthly(before.to_requests * by)
                for name in BY_NAME
            }
            for by in (0.999, 1.001)
        )
        assert below[before.mode] <= below[after.mode]
        assert above[after.mode] <= above[before.mode]


def test_who_can_wait_longer_pays_no_more(found: Comparison) -> None:
    assert [each.patience for each in found.envelopes] == [
        "milliseconds",
        "seconds",
        "minutes",
        "a day",
    ]
    for quick, patient in pairwise(found.envelopes):
        assert set(quick.modes) < set(patient.modes)


def test_straight_lines_change_where_they_cross() -> None:
    lines = {"real-time": (30.0, 1e-6), "asynchronous": (0.0, 4e-6)}

    def cost(mode: str, requests: float) -> float:
        fixed, each = lines[mode]
        return fixed + each * requests

    at_once, patient = envelopes(WAITS, cost)
    assert [span.mode for span in at_once.spans] == ["real-time"]
    first, last = patient.spans
    assert (first.mode, last.mode) == ("asynchronous", "real-time")
    assert first.to_requests == pytest.approx(1e7, rel=1e-3)
    assert last.to_requests is None


def test_a_mode_that_is_the_cheapest_for_a_moment_is_told() -> None:
    """From eleven to twelve million a month: between two traffics that are looked at."""
    lines = {"serverless": (0.0, 4e-6), "asynchronous": (22.0, 2e-6)}
    lines |= {"real-time": (34.0, 1e-6)}

    def cost(mode: str, requests: float) -> float:
        fixed, each = lines[mode]
        return fixed + each * requests

    three = [BY_NAME["real-time"], BY_NAME["serverless"], BY_NAME["asynchronous"]]
    *_, patient = envelopes(three, cost)
    assert [span.mode for span in patient.spans] == [
        "serverless", "asynchronous", "real-time",
    ]  # fmt: skip
    ends = [span.to_requests for span in patient.spans[:2]]
    assert ends == pytest.approx([1.1e7, 1.2e7], rel=1e-3)


def test_a_line_that_comes_back_is_the_cheapest_again() -> None:
    """A second task, from a hundred million on: what had been dearer is cheaper."""

    def cost(mode: str, requests: float) -> float:
        if mode == "asynchronous":
            return requests * 1e-6
        return 50.0 if requests < 1e8 else 500.0

    *_, patient = envelopes(WAITS, cost)
    modes = ["asynchronous", "real-time", "asynchronous", "real-time"]
    assert [span.mode for span in patient.spans] == modes
    ends = [span.to_requests for span in patient.spans]
    assert ends == [pytest.approx(e, rel=1e-3) for e in (5e7, 1e8, 5e8)] + [None]


def test_what_is_there_in_any_mode_is_left_out_and_what_a_mode_adds_is_not(
    found: Comparison, compared: Compared
) -> None:
    written = copies()
    for stage in written.values():
        stage["dev-way-out"] = {"Nat": resource("EC2::NatGateway")}
    interface = resource(
        "EC2::VPCEndpoint", VpcEndpointType="Interface", SubnetIds=["a", "b"]
    )
    written["asynchronous/dev"]["dev-queues"] = {"Queues": interface}
    other = compared(written)
    assert other.shared.monthly.expected > 730 * 0.045
    before, after = (each.points[0].monthly for each in (found, other))
    assert after["real-time"] == pytest.approx(before["real-time"])
    more = after["asynchronous"] - before["asynchronous"]
    assert more == pytest.approx(2 * 730 * 0.01)


def test_assumptions_of_the_reader_replace_ours_but_the_traffic(
    found: Comparison, compared: Compared
) -> None:
    busy = replace(
        Usage(), requests_per_second=Scale.always(500), spot_discount=Scale.always(0)
    )
    other = compared(usage=busy)
    real_time = [each.points[2].monthly["real-time"] for each in (found, other)]
    assert real_time[0] == pytest.approx(real_time[1])
    batch = [each.points[2].monthly["batch"] for each in (found, other)]
    assert batch[1] == pytest.approx(batch[0] / (1 - 0.68))


def _without_nothing(written: Copies) -> None:
    del written["nothing/dev"]


def _another(written: Copies) -> None:
    written["sometimes/dev"] = written["batch/dev"]


def _two_stages(written: Copies) -> None:
    written["batch/prod"] = written["batch/dev"]


@pytest.mark.parametrize("broken", [_without_nothing, _another, _two_stages])
def test_another_assembly_is_refused_with_what_writes_the_right_one(
    tmp_path: Path, broken: object
) -> None:
    written = copies()
    assert callable(broken)
    broken(written)
    path = write_assembly(tmp_path / "cdk.out", written)
    with pytest.raises(AssemblyError, match="cdk.out: is not one model in every mode"):
        compare(read_assembly(path), Usage())


def test_a_model_that_nobody_measured_is_refused(compared: Compared) -> None:
    written = copies()
    release = {**released(), "serving": None}
    made = endpoint()
    metadata = {"Metadata": {"Lathe": release}}
    written["real-time/dev"]["dev-endpoint"] = {**made, **metadata}
    del written["asynchronous/dev"], written["serverless/dev"]
    with pytest.raises(AssemblyError, match="no model that was measured"):
        compared(written)
