"""What a stage may cost stands beside what it will."""

from __future__ import annotations

import json
from typing import Any

import pytest

from costs.assembly import AssemblyError
from costs.bill import Bill
from costs.budgets import budget_change_notes, budget_notes
from costs.diff import difference
from costs.diff_text import diff_text
from costs.markdown import bill_markdown, diff_markdown
from costs.records import bill_json, diff_json
from costs.text import bill_text
from stacks.tags import STAGE_TAG
from tests.costs.conftest import Billed
from tests.costs.samples import Stages, resource, stages


def budget(amount: Any = 100, **changes: Any) -> dict[str, Any]:
    data = {
        "BudgetType": "COST",
        "TimeUnit": "MONTHLY",
        "BudgetLimit": {"Amount": amount, "Unit": "USD"},
        "CostFilters": {"TagKeyValue": [f"user:{STAGE_TAG}$dev"]},
        **changes,
    }
    return resource("Budgets::Budget", "dev/budget/Budget", Budget=data)


def with_budget(amount: Any = 100, **changes: Any) -> Stages:
    """The sample stage with a budget, and another stage beside it."""
    return {
        "dev": {**stages()["dev"], "dev-budget": {"Budget": budget(amount, **changes)}},
        "other": {"other-one": {"Bucket": resource("S3::Bucket")}},
    }


def share(found: Bill, usd: float) -> str:
    return f"{100 * usd / found.budgets[0].limit:.1f} %"


def test_a_budget_is_of_its_own_stage(billed: Billed) -> None:
    # red if other stages are counted: the alarm would come when the bill says it cannot
    found = billed(with_budget(1000))
    (its,) = found.budgets
    dev = [line.monthly.expected for line in found.lines if line.stage == "dev"]
    assert (its.stage, its.limit) == ("dev", 1000)
    assert its.monthly.expected == pytest.approx(sum(dev))
    assert its.monthly.expected < found.monthly.expected


def test_every_report_says_how_much_of_it_is_spent(billed: Billed) -> None:
    found = billed(with_budget(1000))
    its = found.budgets[0].monthly
    (note,) = budget_notes(found.budgets)
    assert note == (
        f"Budget of dev: 1,000.00 USD a month; {share(found, its.expected)} of it as"
        f" expected, {share(found, its.maximum)} at maximum"
    )
    assert note in bill_text(found, "").splitlines()[-2]
    assert f"- {note}" in bill_markdown(found, "").splitlines()
    (told,) = json.loads(bill_json(found))["budgets"]
    assert told["limit_usd"] == 1000
    assert told["percent"]["expected"] == pytest.approx(its.expected / 10, abs=1e-3)


def test_a_bill_above_its_budget_says_from_which_scale_on(billed: Billed) -> None:
    its = billed(with_budget()).budgets[0].monthly
    assert its.minimum < its.expected < its.maximum
    for limit, end in (
        (its.maximum + 1, " at maximum"),
        ((its.expected + its.maximum) / 2, ": OVER BUDGET at maximum"),
        ((its.minimum + its.expected) / 2, ": OVER BUDGET as expected"),
        (its.minimum / 2, ": OVER BUDGET even at minimum"),
    ):
        (note,) = budget_notes(billed(with_budget(limit)).budgets)
        assert note.endswith(end)
        assert ("OVER" in note) == ("OVER" in end)


def test_a_change_says_what_it_does_to_the_budget(billed: Billed) -> None:
    before, after = billed(with_budget(1000)), billed(with_budget(500))
    (note,) = budget_change_notes(before.budgets, after.budgets)
    its = before.budgets[0].monthly
    assert note == (
        "Budget of dev: 1,000.00 -> 500.00 USD a month;"
        f" {share(before, its.expected)} -> {share(after, its.expected)} of it as"
        f" expected, {share(before, its.maximum)} -> {share(after, its.maximum)} at"
        " maximum"
    )
    found = difference(before, after)
    assert note in diff_text(found, "").splitlines()
    assert f"- {note}" in diff_markdown(found, "").splitlines()
    told = json.loads(diff_json(found))["budgets"]
    assert [told[side][0]["limit_usd"] for side in ("before", "after")] == [1000, 500]


def test_a_change_back_into_the_budget_says_so(billed: Billed) -> None:
    over, within = billed(with_budget(1)), billed(with_budget(1000))
    (note,) = budget_change_notes(over.budgets, within.budgets)
    assert note.endswith("at maximum: within it again")
    (note,) = budget_change_notes(within.budgets, over.budgets)
    assert note.endswith("at maximum: OVER BUDGET even at minimum")


def test_a_change_that_leaves_a_stage_alone_says_nothing_of_its_budget(
    billed: Billed,
) -> None:
    same = billed(with_budget())
    assert budget_change_notes(same.budgets, same.budgets) == []


def test_a_new_budget_is_told_whole(billed: Billed) -> None:
    without, found = billed(stages()), billed(with_budget())
    notes = budget_change_notes(without.budgets, found.budgets)
    assert notes == budget_notes(found.budgets)
    assert budget_change_notes(found.budgets, without.budgets) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"BudgetType": "USAGE"},
        {"TimeUnit": "QUARTERLY"},
        {"BudgetLimit": {"Amount": 100, "Unit": "EUR"}},
        {"CostFilters": {"TagKeyValue": [f"user:{STAGE_TAG}$prod"]}},
        {"CostFilters": {}},
        {"BudgetLimit": {"Amount": 0, "Unit": "USD"}},
    ],
    ids=str,
)
def test_other_budgets_are_not_the_stage_s(
    billed: Billed, changes: dict[str, Any]
) -> None:
    assert billed(with_budget(**changes)).budgets == ()


def test_a_budget_that_is_no_number_is_named(billed: Billed) -> None:
    with pytest.raises(AssemblyError, match=r"dev-budget: .*Amount: 'plenty'"):
        billed(with_budget("plenty"))


@pytest.mark.parametrize("filters", ["all", ["all"], {"TagKeyValue": [3]}])
def test_filters_as_cloudformation_has_none_are_named(
    billed: Billed, filters: Any
) -> None:
    with pytest.raises(AssemblyError, match="stack dev-budget"):
        billed(with_budget(CostFilters=filters))
