"""What a stage may cost, as its template says, beside what it will."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from costs.assembly import Stack
from costs.scale import Scale

_AT = ("even at minimum", "as expected", "at maximum")


@dataclass(frozen=True)
class Budget:
    """A stage's budget and bill, both in USD a month."""

    stage: str
    limit: float
    monthly: Scale

    @property
    def percent(self) -> Scale:
        return self.monthly * (100 / self.limit)

    @property
    def warning(self) -> str:
        """Return from which scale on it is not enough, "" where it is at any."""
        for at, usd in zip(_AT, self.monthly.ends, strict=True):
            if usd > self.limit:
                return f": OVER BUDGET {at}"
        return ""


def limits(stack: Stack) -> Iterator[tuple[str, float]]:
    """Yield stage and USD a month of each budget of a stage's cost in a stack.

    Others are left out: of usage, of a quarter, in another currency, of another tag.
    """
    for found in stack.of_type("AWS::Budgets::Budget"):
        tags = found.get("Budget.CostFilters", {}).get("TagKeyValue", [])
        what = [
            found.get(f"Budget.{name}", None)
            for name in ("BudgetType", "TimeUnit", "BudgetLimit.Unit")
        ]
        if what == ["COST", "MONTHLY", "USD"] and stack.stage:
            limit = found.number("Budget.BudgetLimit.Amount")
            if limit and [tag.partition("$")[2] for tag in tags] == [stack.stage]:
                yield stack.stage, limit


def budget_notes(budgets: Iterable[Budget]) -> list[str]:
    """Return a line for each stage that has a budget."""
    return [
        f"Budget of {each.stage}: {each.limit:,.2f} USD a month;"
        f" {each.percent.expected:,.1f} % of it as expected,"
        f" {each.percent.maximum:,.1f} % at maximum{each.warning}"
        for each in budgets
    ]


def budget_change_notes(before: Iterable[Budget], after: Iterable[Budget]) -> list[str]:
    """Return a line for each stage whose budget is spent otherwise, or is another."""
    old: Mapping[str, Budget] = {each.stage: each for each in before}
    notes = []
    for new in after:
        was = old.get(new.stage)
        if was is None:
            notes += budget_notes([new])
        elif budget_notes([was]) != budget_notes([new]):
            limit = f"{new.limit:,.2f} USD a month"
            if was.limit != new.limit:
                limit = f"{was.limit:,.2f} -> {limit}"
            expected = _moved(was.percent.expected, new.percent.expected)
            most = _moved(was.percent.maximum, new.percent.maximum)
            back = ": within it again" if was.warning and not new.warning else ""
            notes.append(
                f"Budget of {new.stage}: {limit}; {expected} of it as expected,"
                f" {most} at maximum{new.warning}{back}"
            )
    return notes


def _moved(before: float, after: float) -> str:
    return f"{before:,.1f} % -> {after:,.1f} %"
