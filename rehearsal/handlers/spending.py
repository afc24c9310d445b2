"""Budgets, which MiniStack's AWS Budgets has."""

from __future__ import annotations

from rehearsal.account import Account
from rehearsal.api import api_request
from rehearsal.handlers.handler import Created, Properties


def create_budget(
    account: Account, name: str, given: Properties, stack: str
) -> Created:
    budgets = account.client("budgets")
    budget = {"BudgetName": f"{stack}-{name}", **given["Budget"]}
    asked = {**given, "AccountId": account.id, "Budget": budget}
    budgets.create_budget(**api_request(budgets, "CreateBudget", asked))
    return str(budget["BudgetName"]), {}


def delete_budget(account: Account, id_: str, given: Properties) -> None:
    account.client("budgets").delete_budget(AccountId=account.id, BudgetName=id_)
