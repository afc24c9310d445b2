"""Composite alarms, which MiniStack's CloudWatch has."""

from __future__ import annotations

from rehearsal.account import Account
from rehearsal.api import api_request
from rehearsal.handlers.handler import Created, Properties


def put_composite_alarm(
    account: Account, name: str, given: Properties, stack: str
) -> Created:
    cloudwatch = account.client("cloudwatch")
    named = {"AlarmName": f"{stack}-{name}", **given}
    cloudwatch.put_composite_alarm(
        **api_request(cloudwatch, "PutCompositeAlarm", named)
    )
    arn = f"arn:aws:cloudwatch:{account.region}:{account.id}:alarm:{named['AlarmName']}"
    return str(named["AlarmName"]), {"Arn": arn}


def delete_alarm(account: Account, id_: str, given: Properties) -> None:
    account.client("cloudwatch").delete_alarms(AlarmNames=[id_])
