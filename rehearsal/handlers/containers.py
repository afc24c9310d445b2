"""ECS through its own API, which keeps more than MiniStack's CloudFormation does."""

from __future__ import annotations

from typing import Any

from rehearsal.account import Account
from rehearsal.api import api_request
from rehearsal.handlers.baked import is_missing
from rehearsal.handlers.handler import Created, Properties


def register_task_definition(
    account: Account, name: str, given: Properties, stack: str
) -> Created:
    """MiniStack's own handler drops the platform, health checks and more."""
    ecs = account.client("ecs")
    named = {"Family": f"{stack}-{name}", **given}
    request = api_request(ecs, "RegisterTaskDefinition", named)
    arn = ecs.register_task_definition(**request)["taskDefinition"]["taskDefinitionArn"]
    return arn, {"TaskDefinitionArn": arn}


def create_service(
    account: Account, name: str, given: Properties, stack: str
) -> Created:
    """MiniStack's own handler drops the grace period, exec and tag propagation."""
    ecs = account.client("ecs")
    named = {"ServiceName": f"{stack}-{name}", "DesiredCount": 1, **_asked(given)}
    request = api_request(ecs, "CreateService", named)
    _pull(account, request["taskDefinition"])
    service = ecs.create_service(**request)["service"]
    arn = service["serviceArn"]
    return arn, {"ServiceArn": arn, "Name": service["serviceName"]}


def update_service(
    account: Account, id_: str, old: Properties, new: Properties
) -> Created:
    """Ask UpdateService for what changed, and for nothing else."""
    ecs = account.client("ecs")
    changed = {name: value for name, value in new.items() if value != old.get(name)}
    asked = {**_asked(changed), "Cluster": new["Cluster"], "Service": id_}
    request = api_request(ecs, "UpdateService", asked)
    _pull(account, new["TaskDefinition"])
    service = ecs.update_service(**request)["service"]
    return id_, {"ServiceArn": id_, "Name": service["serviceName"]}


def _asked(given: Properties) -> dict[str, Any]:
    """The one property that the API has under another name."""
    names = {"PlacementStrategies": "PlacementStrategy"}
    return {names.get(name, name): value for name, value in given.items()}


def _pull(account: Account, definition: str) -> None:
    """Refuse an image that is not in its repository, as a deployment on ECS would end.

    There, tasks fail to start until the circuit breaker says so; here it is said at once.
    """
    answer = account.client("ecs").describe_task_definition(taskDefinition=definition)
    for container in answer["taskDefinition"]["containerDefinitions"]:
        image = container["image"]
        if is_missing(account, image):
            raise ValueError(
                "ECS Deployment Circuit Breaker was triggered: "
                f"CannotPullContainerError: {image}: not found"
            )


def associate_providers(
    account: Account, name: str, given: Properties, stack: str
) -> Created:
    ecs = account.client("ecs")
    ecs.put_cluster_capacity_providers(
        **api_request(ecs, "PutClusterCapacityProviders", given)
    )
    return str(given["Cluster"]), {}


def dissociate_providers(account: Account, id_: str, given: Properties) -> None:
    account.client("ecs").put_cluster_capacity_providers(
        cluster=id_, capacityProviders=[], defaultCapacityProviderStrategy=[]
    )
