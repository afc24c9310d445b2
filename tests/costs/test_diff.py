from __future__ import annotations

import json
from typing import Any

import pytest

from costs.diff import difference
from costs.diff_text import diff_text
from costs.markdown import diff_markdown
from costs.records import diff_json
from tests.costs.conftest import Billed, MatchesGolden
from tests.costs.samples import resource, stages

GIB_MONTH = 730 * 0.004445


def with_queue(**changes: Any) -> dict[str, Any]:
    """The stage with one more stack, and a task of twice the memory."""
    found = dict(stages(**changes)["dev"])
    found["dev-feedback"] = {
        "Queue": resource("SQS::Queue", "dev/feedback/Queue/Resource"),
        "Policy": resource("SQS::QueuePolicy"),
    }
    del found["dev-registry"]
    return {"dev": found}


def test_text_is_the_reviewed_one(
    billed: Billed, matches_golden: MatchesGolden
) -> None:
    found = difference(billed(stages()), billed(with_queue(memory="2048")))
    matches_golden(diff_text(found, "Monthly cost"), "diff.txt")


def test_markdown_is_the_reviewed_one(
    billed: Billed, matches_golden: MatchesGolden
) -> None:
    found = difference(billed(stages()), billed(with_queue(memory="2048")))
    matches_golden(diff_markdown(found, "Monthly cost"), "diff.md")


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
    assert (found.monthly.minimum, found.monthly.maximum) == (0, 0)
    assert found.free_added == found.free_removed == 0
    assert len(found.unchanged) == 6


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

    found = difference(billed(stack("DISABLED")), billed(stack("ENABLED")))
    assert "-> Public IPv4 address in use: 730 hour @ $0.005" in diff_text(found, "")


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
