from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from typing import Any

import pytest

from costs.assembly import AssemblyError
from costs.diff import Difference, difference, over
from costs.diff_text import diff_text
from costs.endpoints import Measure, measures
from costs.markdown import diff_markdown
from costs.records import diff_json
from costs.scale import Scale
from costs.sheet import diff_csv
from costs.usage import Usage
from tests.costs.conftest import Billed, MatchesGolden
from tests.costs.samples import endpoint, released, resource, stages

GIB_MONTH = 730 * 0.004445
TASK, ADDRESS = 730 * (0.5 * 0.04048 + 0.004445), 730 * 0.005


def with_queue(**changes: Any) -> dict[str, Any]:
    """The stage with one more stack, and a task of twice the memory."""
    found = dict(stages(**changes)["dev"])
    found["dev-feedback"] = {
        "Queue": resource("SQS::Queue", "dev/feedback/Queue/Resource"),
        "Policy": resource("SQS::QueuePolicy"),
    }
    del found["dev-registry"]
    return {"dev": found}


# A change of the model: another engine, twice the requests, a little less quality.
FASTER = released(
    version="77ab01c29d3e",
    engine="openvino",
    f1=0.855,
    p99_ms=22.5,
    requests_per_second=24.0,
    model_bytes=15_100_000,
)


@pytest.fixture
def changed(billed: Billed) -> Difference:
    """What the golden files show: a faster model in a larger task, and other stacks."""
    after = with_queue(memory="2048", release=FASTER)
    return difference(billed(stages()), billed(after))


def test_text_is_the_reviewed_one(
    changed: Difference, matches_golden: MatchesGolden
) -> None:
    matches_golden(diff_text(changed, "Monthly cost"), "diff.txt")


def test_markdown_is_the_reviewed_one(
    changed: Difference, matches_golden: MatchesGolden
) -> None:
    matches_golden(diff_markdown(changed, "Monthly cost"), "diff.md")


def test_a_model_change_alone_is_the_reviewed_one(
    billed: Billed, matches_golden: MatchesGolden
) -> None:
    found = difference(billed(stages()), billed(stages(release=FASTER)))
    matches_golden(diff_markdown(found, "Monthly cost"), "model-change.md")


def unfolded(comment: str) -> list[str]:
    """The lines that a reader sees before unfolding anything."""
    return re.sub(r"<details>.*?</details>", "folded", comment, flags=re.S).splitlines()


def test_a_comment_fits_a_screen_however_much_changes(billed: Billed) -> None:
    queues = {f"Queue{n}": resource("SQS::Queue") for n in range(60)}
    after = {"dev": {**stages(release=FASTER)["dev"], "dev-queues": queues}}
    comment = diff_markdown(difference(billed(stages()), billed(after)), "Monthly cost")
    assert len(unfolded(comment)) <= 40
    assert "53 smaller changes, below" in comment
    assert comment.count("| + dev-queues: ") == 60


def test_a_comment_fits_a_screen_however_many_endpoints_change(billed: Billed) -> None:
    def stage(**changes: Any) -> Any:
        own = {
            f"e{n}": endpoint(release={**released(**changes), "endpoint": f"e{n}"})
            for n in range(6)
        }
        return {"dev": {"dev-network": stages()["dev"]["dev-network"], **own}}

    found = difference(billed(stage()), billed(stage(p99_ms=30.0, version="0" * 12)))
    comment = diff_markdown(found, "Monthly cost")
    assert len(unfolded(comment)) <= 40
    assert (
        "<summary>More endpoints: dev/e2, dev/e3, dev/e4, dev/e5</summary>" in comment
    )
    assert comment.count("| p99, ms | 40 | 30 |") == 6


def test_what_folded_changes_add_up_to_stands_in_the_open(billed: Billed) -> None:
    queues = {f"Queue{n}": resource("SQS::Queue") for n in range(10)}
    found = difference(
        billed(stages()), billed({"dev": {**stages()["dev"], "q": queues}})
    )
    (more,) = (
        line
        for line in unfolded(diff_markdown(found, ""))
        if line.startswith("| 2 smaller")
    )
    assert "| 0.00 | 0.80 | +0.80 | +0.80 | +0.80 |" in more


def test_a_faster_model_runs_fewer_tasks_as_expected_and_no_fewer_at_either_end(
    billed: Billed,
) -> None:
    found = difference(billed(stages()), billed(stages(release=FASTER)))
    (change,) = found.changes
    assert change.path == "Service/Service"
    assert change.monthly.minimum == change.monthly.maximum == 0
    assert change.monthly.expected == pytest.approx(-TASK - ADDRESS)  # one of two


def test_an_endpoints_lines_say_what_its_model_gives_and_costs(billed: Billed) -> None:
    found = difference(billed(stages()), billed(stages(release=FASTER)))
    (endpoint_,) = found.endpoints
    said = {each.name: each for each in measures(endpoint_)}
    assert said["engine"].after == "openvino in flask"
    assert said["macro-F1"].before == "86.0% [84.0%, 88.0%]"
    assert said["macro-F1"].change == "-0.5 points, within the intervals"
    assert said["p99, ms"].change == "-43.8%"
    assert said["weights in the image, MB"].after == "15.1"
    assert "memory, MiB" not in said  # the same before and after
    # 0.5 vCPU and 1 GB for 12 and 24 answers a second; all of the stack for 10.
    hour = 0.5 * 0.04048 + 0.004445
    assert endpoint_.before
    assert endpoint_.before.full_load == pytest.approx(hour / (12 * 3600) * 1e6)
    assert endpoint_.before.expected == pytest.approx(
        endpoint_.before.monthly.expected / (10 * 730 * 3600) * 1e6
    )
    assert said["USD a million, at full load"].change == "-50.0%"


@pytest.mark.parametrize(("f1", "points"), [(0.81, "-5.0"), (0.91, "+5.0")])
def test_a_quality_beyond_the_intervals_is_said_to_be(
    f1: float, points: str, billed: Billed
) -> None:
    other = released(version="0" * 12, f1=f1)
    found = difference(billed(stages()), billed(stages(release=other)))
    (said,) = (m for m in measures(found.endpoints[0]) if m.name == "macro-F1")
    assert said.change == f"{points} points, beyond the intervals"


def test_what_was_never_measured_says_so(billed: Billed) -> None:
    bare = {**released(version="0" * 12), "quality": None, "serving": None}
    after = {**stages()["dev"]}
    after["dev-endpoint"] = {**endpoint(), "Metadata": {"Lathe": bare}}
    found = difference(billed(stages()), billed({"dev": after}))
    said = {each.name: each.after for each in measures(found.endpoints[0])}
    for name in ("quality", "p99, ms", "measured on", "USD a million, at full load"):
        assert said[name] == "not measured"


def test_another_machine_that_measured_is_named(billed: Billed) -> None:
    release = released(version="0" * 12)
    release["serving"]["hardware"] = "another machine"
    found = difference(billed(stages()), billed(stages(release=release)))
    (said,) = (m for m in measures(found.endpoints[0]) if m.name == "measured on")
    assert (said.before, said.after) == ("a test", "another machine")


def test_an_endpoint_that_comes_or_goes_has_one_side(billed: Billed) -> None:
    with_it, without = stages(), {"dev": dict(stages()["dev"])}
    del without["dev"]["dev-endpoint"]
    found = difference(billed(without), billed(with_it))
    said = {each.name: each for each in measures(found.endpoints[0])}
    assert (said["release"].before, said["release"].after) == ("", "int8 3f1c9a07be24")
    assert said["p99, ms"] == Measure("p99, ms", "", "40", "")
    gone = difference(billed(with_it), billed(without))
    assert {m.after for m in measures(gone.endpoints[0])} == {""}


def test_an_endpoint_that_stays_as_it_is_is_not_mentioned(billed: Billed) -> None:
    found = difference(billed(stages()), billed(with_queue()))
    assert found.endpoints == ()
    assert "sentiment" not in diff_markdown(found, "")


@pytest.mark.parametrize("told", [{"schema": 2}, {"schema": 1, "endpoint": "e"}, "odd"])
def test_what_another_commit_tells_otherwise_is_no_obstacle(
    told: Any, billed: Billed
) -> None:
    stack = {**endpoint(), "Metadata": {"Lathe": told}}
    before = {"dev": {**stages()["dev"], "dev-endpoint": stack}}
    assert billed(before).endpoints == ()
    (found,) = difference(billed(before), billed(stages())).endpoints
    assert found.before is None


def test_a_release_that_cannot_be_is_named_with_its_stack(billed: Billed) -> None:
    odd = released(p99_ms=-1)
    with pytest.raises(
        AssemblyError, match="dev-endpoint: Metadata.Lathe: serving.p50"
    ):
        billed(stages(release=odd))


def test_a_task_across_a_fargate_size_shows_though_its_definition_is_new(
    billed: Billed,
) -> None:
    before = billed(stages())
    after = billed(stages(memory="2048", task_id="TaskNewHash"))
    (change,) = difference(before, after).changes
    assert (change.kind, change.stack, change.path) == (
        "changed",
        "dev-endpoint",
        "Service/Service",
    )
    assert change.monthly.minimum == pytest.approx(GIB_MONTH)
    assert change.monthly.maximum == pytest.approx(4 * GIB_MONTH)


def test_the_same_assembly_differs_in_nothing(billed: Billed) -> None:
    found = difference(billed(stages()), billed(stages()))
    assert found.changes == ()
    assert found.monthly == Scale.always(0)
    assert found.free_added == found.free_removed == 0
    assert len(found.unchanged) == 7
    assert found.endpoints == ()


def test_the_way_back_costs_the_opposite(billed: Billed) -> None:
    old, new = billed(stages()), billed(with_queue(memory="2048", most=8))
    there, back = difference(old, new), difference(new, old)
    assert there.monthly.maximum == -back.monthly.maximum
    opposite = {"added": "removed", "removed": "added", "changed": "changed"}
    assert {(c.path, c.kind, c.monthly.maximum) for c in there.changes} == {
        (c.path, opposite[c.kind], -c.monthly.maximum) for c in back.changes
    }


def test_changes_and_what_is_kept_add_up_to_the_total(billed: Billed) -> None:
    found = difference(billed(stages()), billed(with_queue(memory="2048")))
    changed = sum(change.after_monthly.maximum for change in found.changes)
    assert changed + found.kept.maximum == pytest.approx(found.after.monthly.maximum)


def test_the_largest_change_comes_first(billed: Billed) -> None:
    found = difference(billed(stages()), billed(with_queue(memory="2048")))
    moved = [abs(change.monthly.maximum) for change in found.changes]
    assert moved == sorted(moved, reverse=True)


def test_a_renamed_logical_id_is_the_same_resource(billed: Billed) -> None:
    path = "dev/one/Queue/Resource"
    before = billed({"dev": {"dev-one": {"QueueA": resource("SQS::Queue", path)}}})
    after = billed({"dev": {"dev-one": {"QueueB": resource("SQS::Queue", path)}}})
    assert difference(before, after).changes == ()


def test_a_moved_construct_that_keeps_its_logical_id_is_the_same_resource(
    billed: Billed,
) -> None:
    before, after = (
        billed({"dev": {"dev-one": {"Queue": resource("SQS::Queue", path)}}})
        for path in ("dev/one/Queue", "dev/one/Feedback/Queue")
    )
    assert difference(before, after).changes == ()


def test_a_resource_that_takes_anothers_logical_id_is_new(billed: Billed) -> None:
    def stack(**paths: str) -> Any:
        return {id_: resource("SQS::Queue", path) for id_, path in paths.items()}

    before = billed({"dev": {"dev-one": stack(Queue="dev/one/A")}})
    after = billed({"dev": {"dev-one": stack(Other="dev/one/A", Queue="dev/one/B")}})
    (change,) = difference(before, after).changes
    assert (change.kind, change.path) == ("added", "B")


def test_a_change_that_the_detail_does_not_show_is_shown_by_its_charge(
    billed: Billed,
) -> None:
    def stack(address: str) -> dict[str, Any]:
        network = {"AwsvpcConfiguration": {"AssignPublicIp": address}}
        task = resource("ECS::TaskDefinition", Cpu="256", Memory="512")
        properties: dict[str, Any] = {
            "LaunchType": "FARGATE",
            "TaskDefinition": {"Ref": "Task"},
        }
        service = resource("ECS::Service", NetworkConfiguration=network, **properties)
        return {"dev": {"dev-one": {"Task": task, "Service": service}}}

    without, with_it = billed(stack("DISABLED")), billed(stack("ENABLED"))
    address = "Public IPv4 address in use: 730 hour @ $0.005"
    there, back = (
        [line.strip() for line in diff_text(difference(*sides), "").splitlines()]
        for sides in ((without, with_it), (with_it, without))
    )
    assert f"-> {address}" in there
    assert address in back
    assert not any("vCPU x86: " in line for line in (*there, *back))  # it stays


def test_a_change_that_costs_nothing_is_still_a_change(billed: Billed) -> None:
    """The third zone of an internal load balancer is free."""

    def balancer(*subnets: str) -> Any:
        properties = {"Scheme": "internal", "Subnets": list(subnets)}
        kind = "ElasticLoadBalancingV2::LoadBalancer"
        return {"dev": {"dev-one": {"Door": resource(kind, **properties)}}}

    found = difference(billed(balancer("a", "b")), billed(balancer("a", "b", "c")))
    (change,) = found.changes
    assert change.monthly == Scale.always(0)
    assert not found.unchanged


def one_more(billed: Billed, least: float, usual: float, most: float) -> Difference:
    """A secret, and a queue with so many million requests; nothing was there before."""
    usage = Usage(queue_requests=Scale(least * 1e6, usual * 1e6, most * 1e6))
    role, queue = resource("IAM::Role"), resource("SQS::Queue")
    secret = resource("SecretsManager::Secret")
    before = billed({"dev": {"dev-one": {"Role": role}}}, usage)
    after = {"Role": role, "Queue": queue, "Secret": secret}
    return difference(before, billed({"dev": {"dev-one": after}}, usage))


def test_the_largest_change_is_that_of_what_is_expected(billed: Billed) -> None:
    """A secret costs 0.45; a queue 0.40 as expected, and 40 at most."""
    found = one_more(billed, 0, 1, 100)
    assert [change.path for change in found.changes] == ["Secret", "Queue"]


def test_a_heading_tells_the_maximum_wherever_it_is_more(billed: Billed) -> None:
    heading, *_ = diff_markdown(one_more(billed, 1, 1, 100), "Cost").splitlines()
    assert (
        heading == "### Cost: +0.85 USD expected (+0.85 at minimum, +40.45 at maximum)"
    )


def test_what_moved_and_changed_is_called_as_it_is_now(billed: Billed) -> None:
    before, after = (
        billed({"dev": {"dev-one": {"Queue": resource("SQS::Queue", path, **more)}}})
        for path, more in (("dev/one/Old", {}), ("dev/one/New", {"FifoQueue": True}))
    )
    (change,) = difference(before, after).changes
    assert (change.kind, change.stage, change.path) == ("changed", "dev", "New")


def test_json_carries_the_changes_and_the_totals(billed: Billed) -> None:
    found = difference(billed(stages()), billed(with_queue(memory="2048")))
    record = json.loads(diff_json(found))
    assert [change["kind"] for change in record["changes"]] == [
        "changed",
        "removed",
        "added",
        "removed",
    ]
    assert record["unchanged"] == len(found.unchanged)
    assert record["free"] == {"added": 1, "removed": 0}
    total = record["after_usd"]["maximum"] - record["before_usd"]["maximum"]
    assert record["change_usd"]["maximum"] == pytest.approx(total, abs=1e-3)


def test_energy_is_no_matter_where_nothing_runs(billed: Billed) -> None:
    queue = billed({"dev": {"dev-one": {"Queue": resource("SQS::Queue")}}})
    assert "Energy" not in diff_text(difference(queue, queue), "")
    assert "Energy" in diff_text(difference(queue, billed(stages())), "")


def test_where_a_grid_is_not_known_a_change_says_so_or_what_it_is_now(
    billed: Billed,
) -> None:
    known = billed(stages())
    unknown = replace(known, energy=None)
    assert "Energy: no grid is known for each of" in diff_text(
        difference(known, unknown), ""
    )
    (note,) = (
        line
        for line in diff_text(difference(unknown, known), "").splitlines()
        if "Energy" in line
    )
    assert "->" not in note


def test_json_carries_what_a_model_was_and_is(billed: Billed) -> None:
    found = difference(billed(stages()), billed(stages(release=FASTER)))
    (said,) = json.loads(diff_json(found))["endpoints"]
    assert said["endpoint"] == "dev/sentiment"
    assert said["before"]["release"]["engine"] == "litert"
    assert said["after"]["release"]["serving"]["requests_per_second"] == 24
    full_load = (
        said[side]["usd_a_million_at_full_load"] for side in ("before", "after")
    )
    assert next(full_load) == pytest.approx(2 * next(full_load))


def test_a_sheet_has_a_row_for_each_change(changed: Difference) -> None:
    rows = list(csv.DictReader(io.StringIO(diff_csv(changed))))
    assert [row["path"] for row in rows] == [each.path for each in changed.changes]
    total = sum(float(row["change_usd_expected"]) for row in rows)
    assert total == pytest.approx(changed.monthly.expected, abs=1e-4)


def test_a_sheet_of_no_change_has_its_header(billed: Billed) -> None:
    same = billed(stages())
    assert diff_csv(difference(same, same)).count("\n") == 1


@pytest.mark.parametrize(
    ("usd", "percent", "refused"),
    [
        (12.97, None, ["+12.98 USD a month, above the 12.97 that --fail-above allows"]),
        (12.99, None, []),
        (None, 9, ["+10.2 %, above the 9 % that --fail-above-pct allows"]),
        (None, 11, []),
        (0, 0, ["+12.98 USD", "+10.2 %"]),
    ],
)
def test_a_bound_holds_at_every_scale(
    usd: float | None, percent: float | None, refused: list[str], billed: Billed
) -> None:
    """A gigabyte more: 3.24 of 48.61, 6.49 of 72.72 expected, 12.98 of 126.84 a month."""
    found = difference(billed(stages()), billed(stages(memory="2048")))
    said = list(over(found, usd=usd, percent=percent))
    assert len(said) == len(refused)
    assert all(a.startswith(b) for a, b in zip(said, refused, strict=True))


def test_exactly_the_bound_is_allowed(billed: Billed) -> None:
    found = difference(billed(stages()), billed(stages(memory="2048")))
    assert not list(over(found, usd=found.monthly.largest))


def test_what_costs_where_nothing_did_is_above_any_percentage(billed: Billed) -> None:
    free = billed({"dev": {"dev-one": {"Role": resource("IAM::Role")}}})
    queue = billed({"dev": {"dev-one": {"Queue": resource("SQS::Queue")}}})
    (said,) = over(difference(free, queue), percent=1e6)
    assert said.startswith("more than nothing, above the 1e+06 %")
    assert not list(over(difference(queue, free), usd=0, percent=0))
