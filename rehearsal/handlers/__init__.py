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
from rehearsal.handlers import (
    attributes,
    capacity,
    containers,
    firewalls,
    functions,
    jobs,
    monitoring,
    network,
    recorded,
    rules,
    spending,
    storage,
)
from rehearsal.handlers.handler import Check, Extend, Handler, Properties

HANDLERS: Mapping[str, Handler] = {
    **recorded.RECORDED,
    "AWS::Batch::ComputeEnvironment": Handler(
        jobs.create_environment, jobs.delete_environment, jobs.update_environment
    ),
    "AWS::Batch::JobDefinition": Handler(
        jobs.register_definition, jobs.deregister_definition
    ),
    "AWS::Batch::JobQueue": Handler(jobs.create_queue, jobs.delete_queue),
    "AWS::Budgets::Budget": Handler(spending.create_budget, spending.delete_budget),
    "AWS::CloudWatch::CompositeAlarm": Handler(
        monitoring.put_composite_alarm, monitoring.delete_alarm
    ),
    "AWS::EC2::EIP": Handler(network.allocate_address, network.release_address),
    "AWS::EC2::FlowLog": Handler(network.create_flow_log, network.delete_flow_log),
    "AWS::EC2::NatGateway": Handler(
        network.create_nat_gateway, network.delete_nat_gateway
    ),
    "AWS::EC2::SecurityGroupEgress": Handler(rules.allow_egress, rules.revoke_egress),
    "AWS::EC2::SecurityGroupIngress": Handler(
        rules.allow_ingress, rules.revoke_ingress
    ),
    "AWS::ECS::CapacityProvider": Handler(
        capacity.create_provider, capacity.delete_provider
    ),
    "AWS::ECS::ClusterCapacityProviderAssociations": Handler(
        containers.associate_providers, containers.dissociate_providers
    ),
    "AWS::ECS::Service": Handler(
        containers.create_service, update=containers.update_service
    ),
    "AWS::ECS::TaskDefinition": Handler(containers.register_task_definition),
    "AWS::WAFv2::WebACLAssociation": Handler(firewalls.associate, firewalls.dissociate),
}
# kind -> what is added to MiniStack's own way of creating it.
EXTENSIONS: Mapping[str, Extend] = {
    "AWS::AutoScaling::AutoScalingGroup": capacity.check_mixture,
    "AWS::CloudWatch::Alarm": recorded.alarm,
    "AWS::EC2::VPC": attributes.answer_cidr_block,
    "AWS::ElasticLoadBalancingV2::ListenerRule": attributes.tag_rule,
    "AWS::ElasticLoadBalancingV2::TargetGroup": attributes.answer_full_name,
    "AWS::Lambda::Function": functions.complete,
    "AWS::Lambda::Version": functions.keep_warm,
    "AWS::S3::Bucket": storage.configure_bucket,
}
# kind -> what MiniStack's own way of updating it does not ask.
CHECKS: Mapping[str, Check] = {"AWS::Lambda::Function": functions.check}
_AMI = "/aws/service/ecs/optimized-ami/amazon-linux-2023/"
# Parameters that AWS publishes, beside the few that MiniStack has; the images are none.
PUBLISHED: Mapping[str, str] = {
    f"{_AMI}{flavour}recommended/image_id": "ami-0123456789abcdef0"
    for flavour in ("", "arm64/", "gpu/", "neuron/")
}


def recorded_only(resource_type: str, properties: Properties) -> bool:
    """Say whether the emulator only notes that such a resource was asked for."""
    if resource_type == "AWS::CloudWatch::Alarm":
        return recorded.is_expression(properties)
    if resource_type == "AWS::ECS::CapacityProvider":
        return capacity.is_managed(properties)
    return resource_type in recorded.RECORDED


def install(account: Account) -> None:
    """Add the handlers to MiniStack in this process; its app must not run yet.

    Rests on names that MiniStack does not promise to keep: its version is pinned.
    `account` must be answered by another event loop than the one handlers run on.
    """
    module = "ministack.services.cloudformation.provisioners"
    provisioners: Any = importlib.import_module(module)
    table = provisioners._RESOURCE_HANDLERS
    ssm: Any = importlib.import_module("ministack.services.ssm")
    ssm._PUBLIC_AMI_PARAMETERS.update(PUBLISHED)
    for kind, handler in HANDLERS.items():
        table[kind] = _adapted(account, handler, table.get(kind, {}))
    for kind, extend in EXTENSIONS.items():
        table[kind] = {**table[kind], "create": _extended(account, extend, table[kind])}
    for kind, check in CHECKS.items():
        table[kind] = {**table[kind], "update": _checked(account, check, table[kind])}


def _adapted(account: Account, handler: Handler, native: Any) -> dict[str, Any]:
    delete, update = handler.delete, handler.update
    adapted: dict[str, Any] = {
        "create": lambda name, given, stack: handler.create(
            _here(account), name, given, stack
        ),
        "delete": native.get("delete"),
    }
    if delete:
        adapted["delete"] = lambda id_, given: delete(_here(account), id_, given)
    if update:
        adapted["update"] = lambda id_, old, new, stack: update(
            _here(account), id_, old, new
        )
    return adapted


def _extended(account: Account, extend: Extend, native: Any) -> Any:
    create = native["create"]
    return lambda name, given, stack: extend(_here(account), create)(name, given, stack)


def _checked(account: Account, check: Check, native: Any) -> Any:
    update = native["update"]

    def checked(id_: str, old: Properties, new: Properties, *where: str) -> Any:
        check(_here(account), new)
        return update(id_, old, new, *where)

    return checked


def _here(account: Account) -> Account:
    """Return the account and region of the stack that MiniStack is working on."""
    responses: Any = importlib.import_module("ministack.core.responses")
    return account.at(f"aws://{responses.get_account_id()}/{responses.get_region()}")
