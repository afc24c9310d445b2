"""What holds of every bill and every difference, whatever is deployed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costs.assembly import Assembly, Stack
from costs.bill import Bill, bill
from costs.book import PRICES
from costs.diff import difference
from costs.scale import Scale
from costs.template import Template, Unknown
from costs.usage import MEANINGS, Usage
from tests.costs.worked import CASES
from tests.costs.worked.subjects import scaling, service

ROWS = json.loads((PRICES / "us-east-1.json").read_text())["rows"]
# More of these is less to pay.
SAVING = {"spot_discount", "requests_per_connection"}

few = settings(max_examples=40)

# Which of the stacks that are worked out by hand are deployed, some several times.
deployed = st.lists(st.sampled_from(sorted(CASES)), max_size=5)


def assembly(cases: Sequence[str], first: int = 0) -> Assembly:
    """A stack for each case; what they call by name is called otherwise in each."""
    stacks = []
    for place, case in enumerate(cases, first):
        name, text = f"stack-{place}", json.dumps(CASES[case][0])
        for shared in ("pool", "c"):
            text = text.replace(f'"{shared}"', f'"{shared}-{place}"')
        content = json.loads(text)
        body = content if "Resources" in content else {"Resources": content}
        template = Template(name, "us-east-1", body, lambda wanted: Unknown(wanted))
        stacks.append(Stack(name, "dev", template, {}))
    return Assembly(Path(), tuple(stacks))


def billed(cases: Sequence[str], usage: Usage | None = None, first: int = 0) -> Bill:
    return bill(assembly(cases, first), usage or Usage())


def nowhere_below(one: Scale, other: Scale) -> bool:
    return all(a >= b - 1e-9 for a, b in zip(one.ends, other.ends, strict=True))


@few
@given(deployed, deployed)
def test_a_bill_is_the_sum_of_its_stacks(some: list[str], others: list[str]) -> None:
    apart = billed(some).monthly + billed(others, first=len(some)).monthly
    assert billed(some + others).monthly.ends == pytest.approx(apart.ends)


@few
@given(deployed, st.sampled_from(sorted(CASES)))
def test_one_stack_more_never_costs_less(some: list[str], more: str) -> None:
    assert nowhere_below(billed([*some, more]).monthly, billed(some).monthly)


@few
@given(deployed)
def test_what_is_expected_lies_between_the_ends(some: list[str]) -> None:
    low, expected, high = billed(some).monthly.ends
    assert low - 1e-9 <= expected <= high + 1e-9


@few
@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 3), st.booleans())
def test_more_tasks_never_cost_less(
    low: int, more: int, wider: int, least: bool
) -> None:
    def monthly(fewest: int, most: int) -> Scale:
        resources = {**service(), "S": scaling(fewest, most)}
        template = Template(
            "one", "us-east-1", {"Resources": resources}, lambda name: Unknown(name)
        )
        found = Assembly(Path(), (Stack("one", "dev", template, {}),))
        return bill(found, Usage()).monthly

    grown = monthly(low + wider * least, low + more + wider)
    assert nowhere_below(grown, monthly(low, low + more))


@few
@given(deployed, st.sampled_from(range(len(ROWS))), st.floats(1, 10))
def test_a_dearer_price_never_makes_a_bill_cheaper(
    some: list[str], place: int, times: float
) -> None:
    rows = [dict(row) for row in ROWS]
    rows[place]["usd"] *= times
    book = {"region": "us-east-1", "currency": "USD", "rows": rows}
    with TemporaryDirectory() as folder:
        (Path(folder) / "us-east-1.json").write_text(json.dumps(book))
        dearer = bill(assembly(some), Usage(), prices=Path(folder)).monthly
    assert nowhere_below(dearer, billed(some).monthly)


@few
@given(deployed, st.sampled_from(sorted(MEANINGS.keys() - SAVING)), st.floats(1, 10))
def test_more_usage_never_costs_less(some: list[str], name: str, times: float) -> None:
    more = replace(Usage(), **{name: Usage()[name] * times})
    assert nowhere_below(billed(some, more).monthly, billed(some).monthly)


@few
@given(deployed)
def test_a_bill_does_not_differ_from_itself(some: list[str]) -> None:
    found = difference(billed(some), billed(some))
    assert not found.changes
    assert found.monthly == Scale.always(0)
    assert found.free_added == found.free_removed == 0


@few
@given(deployed, deployed)
def test_the_way_back_is_the_opposite(some: list[str], others: list[str]) -> None:
    old, new = billed(some), billed(others)
    there, back = difference(old, new), difference(new, old)
    assert there.monthly.ends == pytest.approx([-usd for usd in back.monthly.ends])
    opposite = {"added": "removed", "removed": "added", "changed": "changed"}
    assert sorted(
        (change.stack, change.path, change.kind, change.monthly.ends)
        for change in there.changes
    ) == sorted(
        (
            change.stack,
            change.path,
            opposite[change.kind],
            (Scale.always(0) - change.monthly).ends,
        )
        for change in back.changes
    )
    assert (there.free_added, there.free_removed) == (
        back.free_removed,
        back.free_added,
    )


@few
@given(deployed, deployed)
def test_changes_and_what_is_kept_are_the_whole_bill(
    some: list[str], others: list[str]
) -> None:
    found = difference(billed(some), billed(others))
    changed = Scale.total(change.after_monthly for change in found.changes)
    assert (changed + found.kept).ends == pytest.approx(found.after.monthly.ends)
