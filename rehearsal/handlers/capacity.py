"""Capacity providers through ECS's own API, and the instances behind them."""

from __future__ import annotations

from rehearsal.account import Account
from rehearsal.api import api_request
from rehearsal.handlers.handler import Created, Native, Properties


def create_provider(
    account: Account, name: str, given: Properties, stack: str
) -> Created:
    ecs = account.client("ecs")
    asked = {"Name": f"{stack}-{name}", **given}
    if "ClusterName" in asked:
        asked["Cluster"] = asked.pop("ClusterName")
    request = api_request(ecs, "CreateCapacityProvider", asked)
    ecs.create_capacity_provider(**request)
    return str(asked["Name"]), {}


def delete_provider(account: Account, id_: str, given: Properties) -> None:
    account.client("ecs").delete_capacity_provider(capacityProvider=id_)


def is_managed(properties: Properties) -> bool:
    """Say whether ECS itself would launch the instances, of which nothing is kept."""
    return "ManagedInstancesProvider" in properties


def check_mixture(account: Account, native: Native) -> Native:
    """Refuse types and markets that Auto Scaling would; MiniStack drops them all."""

    def create(name: str, given: Properties, stack: str) -> Created:
        if mixed := given.get("MixedInstancesPolicy"):
            asked = {
                "AutoScalingGroupName": name,
                "MixedInstancesPolicy": mixed,
                **{key: given[key] for key in ("MinSize", "MaxSize")},
            }
            client = account.client("autoscaling")
            api_request(client, "CreateAutoScalingGroup", asked)
        return native(name, given, stack)

    return create
