"""ECS through its own API, which keeps more than MiniStack's CloudFormation does."""

from __future__ import annotations

from rehearsal.account import Account
from rehearsal.api import api_request
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
    named = {"ServiceName": f"{stack}-{name}", "DesiredCount": 1, **given}
    service = ecs.create_service(**api_request(ecs, "CreateService", named))["service"]
    arn = service["serviceArn"]
    return arn, {"ServiceArn": arn, "Name": service["serviceName"]}


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
