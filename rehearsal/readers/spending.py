"""Budgets and whom they tell, read back from AWS Budgets."""

from __future__ import annotations

from typing import Any

from rehearsal.account import Account
from rehearsal.readers.reading import AtLeast, Properties, Reading


def budget(account: Account, id_: str, given: Properties) -> Reading:
    budgets = account.client("budgets")
    named = {"AccountId": account.id, "BudgetName": id_}
    found = budgets.describe_budget(**named)["Budget"]
    arn = f"arn:aws:budgets::{account.id}:budget/{id_}"
    tags = budgets.list_tags_for_resource(ResourceARN=arn).get("ResourceTags", [])
    answer = budgets.describe_notifications_for_budget(**named)
    told = [_told(budgets, named, each) for each in answer["Notifications"]]
    limit = found["BudgetLimit"]
    return Reading(
        {
            "Budget": {**found, "BudgetLimit": {**limit, "Amount": _number(limit)}},
            "NotificationsWithSubscribers": told,
            "ResourceTags": AtLeast(tags),
        }
    )


def _told(budgets: Any, named: dict[str, str], notification: Any) -> dict[str, Any]:
    answer = budgets.describe_subscribers_for_notification(
        **named, Notification=notification
    )
    return {"Notification": notification, "Subscribers": answer["Subscribers"]}


def _number(limit: dict[str, str]) -> float:
    """AWS writes 100 dollars as "100.0"."""
    return float(limit["Amount"])
