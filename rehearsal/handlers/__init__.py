"""The resource types our templates need and MiniStack's CloudFormation lacks.

Where MiniStack has the service, a handler calls it as AWS's CloudFormation would:
over HTTP, with requests checked against AWS's API models; such a resource can be
read back. Where it has not, the handler checks what it is given and keeps no more
than a name: `recorded_only` says which those are, and a rehearsal's report does too.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from rehearsal.account import Account
from rehearsal.handlers import attributes, containers, recorded, rules, storage
from rehearsal.handlers.handler import Create, Delete, Extend, Properties

# kind -> how it is created and deleted; None: MiniStack's own way of deleting it.
HANDLERS: Mapping[str, tuple[Create, Delete | None]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": (
        recorded.scalable_target,
        recorded.forget,
    ),
    "AWS::ApplicationAutoScaling::ScalingPolicy": (
        recorded.scaling_policy,
        recorded.forget,
    ),
    "AWS::EC2::SecurityGroupEgress": (rules.allow_egress, rules.revoke_egress),
    "AWS::EC2::SecurityGroupIngress": (rules.allow_ingress, rules.revoke_ingress),
    "AWS::ECS::ClusterCapacityProviderAssociations": (
        containers.associate_providers,
        containers.dissociate_providers,
    ),
    "AWS::ECS::Service": (containers.create_service, None),
    "AWS::ECS::TaskDefinition": (containers.register_task_definition, None),
}
_RECORDED = frozenset(
    kind for kind, (_, delete) in HANDLERS.items() if delete is recorded.forget
)
# kind -> what is added to MiniStack's own way of creating it.
EXTENSIONS: Mapping[str, Extend] = {
    "AWS::CloudWatch::Alarm": recorded.alarm,
    "AWS::EC2::VPC": attributes.answer_cidr_block,
    "AWS::ElasticLoadBalancingV2::TargetGroup": attributes.answer_full_name,
    "AWS::S3::Bucket": storage.configure_bucket,
}


def recorded_only(resource_type: str, properties: Properties) -> bool:
    """Say whether the emulator only notes that such a resource was asked for."""
    if resource_type == "AWS::CloudWatch::Alarm":
        return recorded.is_expression(properties)
    return resource_type in _RECORDED


def install(account: Account) -> None:
    """Add the handlers to MiniStack in this process; its app must not run yet.

    Rests on a name that MiniStack does not promise to keep: its version is pinned.
    `account` must be answered by another event loop than the one handlers run on.
    """
    module = "ministack.services.cloudformation.provisioners"
    provisioners: Any = importlib.import_module(module)
    table = provisioners._RESOURCE_HANDLERS
    for kind, (create, delete) in HANDLERS.items():
        table[kind] = {**table.get(kind, {}), **_adapted(account, create, delete)}
    for kind, extend in EXTENSIONS.items():
        table[kind] = {**table[kind], "create": extend(account, table[kind]["create"])}


def _adapted(account: Account, create: Create, delete: Delete | None) -> dict[str, Any]:
    handler: dict[str, Any] = {
        "create": lambda name, given, stack: create(account, name, given, stack)
    }
    if delete:
        handler["delete"] = lambda id_, given: delete(account, id_, given)
    return handler
