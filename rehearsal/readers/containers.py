"""Repositories, clusters, task definitions and services, read back from ECR and ECS."""

from __future__ import annotations

import json
from typing import Any

from rehearsal.account import Account
from rehearsal.readers.reading import (
    AbsentError,
    AtLeast,
    Properties,
    Reading,
    optional,
    the_only,
)

_DEFINITION = [
    "ContainerDefinitions",
    "Cpu",
    "EphemeralStorage",
    "ExecutionRoleArn",
    "Family",
    "Memory",
    "NetworkMode",
    "RequiresCompatibilities",
    "RuntimePlatform",
    "TaskRoleArn",
    "Volumes",
]
_SERVICE = [
    "CapacityProviderStrategy",
    "DeploymentConfiguration",
    "EnableECSManagedTags",
    "EnableExecuteCommand",
    "HealthCheckGracePeriodSeconds",
    "LaunchType",
    "LoadBalancers",
    "NetworkConfiguration",
    "PlatformVersion",
    "PropagateTags",
    "TaskDefinition",
    "DesiredCount",
    "DeploymentController",
]


def repository(account: Account, id_: str, given: Properties) -> Reading:
    ecr = account.client("ecr")
    found = the_only(ecr.describe_repositories(repositoryNames=[id_])["repositories"])
    lifecycle = optional(ecr.get_lifecycle_policy, repositoryName=id_)
    policy = optional(ecr.get_repository_policy, repositoryName=id_).get("policyText")
    tags = ecr.list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"]
    names = ("RepositoryName", "ImageTagMutability", "ImageScanningConfiguration")
    return Reading(
        {
            **_picked(found, *names, "EncryptionConfiguration"),
            "LifecyclePolicy": {
                "LifecyclePolicyText": lifecycle.get("lifecyclePolicyText")
            },
            "Tags": AtLeast(tags),
            "RepositoryPolicyText": json.loads(policy) if policy else None,
        },
        {"Arn": found["repositoryArn"], "RepositoryUri": found["repositoryUri"]},
    )


def cluster(account: Account, id_: str, given: Properties) -> Reading:
    found = _cluster(account, id_)
    return Reading(
        {"ClusterSettings": found.get("settings")}
        | _picked(found, "ClusterName", "Configuration"),
        {"Arn": found["clusterArn"]},
    )


def provider_associations(account: Account, id_: str, given: Properties) -> Reading:
    found = _cluster(account, id_)
    names = ("CapacityProviders", "DefaultCapacityProviderStrategy")
    return Reading({"Cluster": found["clusterName"], **_picked(found, *names)})


def provider(account: Account, id_: str, given: Properties) -> Reading:
    answer = account.client("ecs").describe_capacity_providers(
        capacityProviders=[id_], include=["TAGS"]
    )
    found = the_only(answer["capacityProviders"])
    picked = _picked(found, "Name")
    # MiniStack drops what this may hold besides, such as managed draining.
    behind = found.get("autoScalingGroupProvider", {})
    asked = {key.lower() for key in given.get("AutoScalingGroupProvider", {})}
    if asked <= {key.lower() for key in behind}:
        picked["AutoScalingGroupProvider"] = behind
    return Reading(picked)


def task_definition(account: Account, id_: str, given: Properties) -> Reading:
    ecs = account.client("ecs")
    answer = ecs.describe_task_definition(taskDefinition=id_, include=["TAGS"])
    found = answer["taskDefinition"]
    if found["status"] != "ACTIVE":
        raise AbsentError
    tags = {"Tags": AtLeast(answer.get("tags", []))}
    return Reading(_picked(found, *_DEFINITION) | tags, {"TaskDefinitionArn": id_})


def service(account: Account, id_: str, given: Properties) -> Reading:
    cluster_name = id_.split("/")[-2]
    answer = account.client("ecs").describe_services(
        cluster=cluster_name, services=[id_], include=["TAGS"]
    )
    found = the_only([s for s in answer["services"] if s["status"] == "ACTIVE"])
    ours = found["clusterArn"].split("/")[-1]
    return Reading(
        {"Cluster": ours, **_picked(found, *_SERVICE)},
        {"Name": found["serviceName"], "ServiceArn": id_},
    )


def _cluster(account: Account, id_: str) -> dict[str, Any]:
    answer = account.client("ecs").describe_clusters(
        clusters=[id_], include=["SETTINGS", "CONFIGURATIONS", "TAGS"]
    )
    return the_only([c for c in answer["clusters"] if c["status"] == "ACTIVE"])


def _picked(found: dict[str, Any], *names: str) -> dict[str, Any]:
    """ECS and ECR write a template's `TaskRoleArn` as `taskRoleArn`."""
    spelled = {name.lower(): value for name, value in found.items()}
    picked = {name: spelled.get(name.lower()) for name in names}
    return {**picked, "Tags": AtLeast(found.get("tags", []))}
