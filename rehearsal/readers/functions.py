"""Functions, their versions and who may call them, read back from Lambda."""

from __future__ import annotations

import json

from rehearsal.account import Account
from rehearsal.readers.reading import (
    AtLeast,
    Properties,
    Reading,
    optional,
    the_only,
)

_FUNCTION = [
    "Architectures",
    "DeadLetterConfig",
    "Description",
    "Environment",
    "EphemeralStorage",
    "FunctionName",
    "Handler",
    "KmsKeyArn",
    "LoggingConfig",
    "MemorySize",
    "PackageType",
    "Role",
    "Runtime",
    "Timeout",
    "TracingConfig",
    "VpcConfig",
]


def function(account: Account, id_: str, given: Properties) -> Reading:
    """Code is compared where it is an image: else a template names where it lies."""
    answer = account.client("lambda").get_function(FunctionName=id_)
    found, tags = answer["Configuration"], answer.get("Tags", {})
    picked = {name: found.get(name) for name in _FUNCTION}
    reserved = answer.get("Concurrency", {}).get("ReservedConcurrentExecutions")
    picked["ReservedConcurrentExecutions"] = reserved
    if found.get("PackageType") == "Image":
        picked["Code"] = {"ImageUri": answer["Code"]["ImageUri"]}
    return Reading(
        {**picked, "Tags": AtLeast({"Key": k, "Value": v} for k, v in tags.items())},
        {"Arn": found["FunctionArn"]},
    )


def address(account: Account, id_: str, given: Properties) -> Reading:
    """Its id is its function's name, and the alias that it is of."""
    name, _, alias = id_.partition(":")
    qualified = {"Qualifier": alias} if alias else {}
    found = account.client("lambda").get_function_url_config(
        FunctionName=name, **qualified
    )
    return Reading(
        {
            "AuthType": found["AuthType"],
            "InvokeMode": found.get("InvokeMode"),
            "Qualifier": alias or None,
            "TargetFunctionArn": found["FunctionArn"].removesuffix(f":{alias}"),
        },
        {"FunctionArn": found["FunctionArn"], "FunctionUrl": found["FunctionUrl"]},
    )


def alias(account: Account, id_: str, given: Properties) -> Reading:
    *_, function, name = id_.split(":")
    found = account.client("lambda").get_alias(FunctionName=function, Name=name)
    return Reading(
        {
            "Description": found.get("Description"),
            "FunctionName": function,
            "FunctionVersion": found["FunctionVersion"],
            "Name": found["Name"],
            "RoutingConfig": found.get("RoutingConfig"),
        },
        {"AliasArn": found["AliasArn"]},
    )


def version(account: Account, id_: str, given: Properties) -> Reading:
    client = account.client("lambda")
    answer = client.get_function(FunctionName=id_)
    found = answer["Configuration"]
    # The template may name the function by its ARN, or by its name.
    arn = found["FunctionArn"].removesuffix(f":{found['Version']}")
    by_arn = str(given["FunctionName"]).startswith("arn:")
    name = arn if by_arn else found["FunctionName"]
    warm = optional(
        client.get_provisioned_concurrency_config,
        FunctionName=found["FunctionName"],
        Qualifier=found["Version"],
    ).get("RequestedProvisionedConcurrentExecutions")
    kept = {"ProvisionedConcurrentExecutions": warm} if warm else None
    return Reading(
        {
            "FunctionName": name,
            "Description": found.get("Description"),
            "ProvisionedConcurrencyConfig": kept,
        },
        {"Version": found["Version"]},
    )


def permission(account: Account, id_: str, given: Properties) -> Reading:
    """Found by what it says: its id is CloudFormation's own."""
    name = given["FunctionName"]
    policy = account.client("lambda").get_policy(FunctionName=name)["Policy"]
    statements = json.loads(policy)["Statement"]
    spelled = [_permission(statement) for statement in statements]
    asked = (given["Action"], given["Principal"])
    found = [each for each in spelled if (each["Action"], each["Principal"]) == asked]
    return Reading({**the_only(found), "FunctionName": name})


def _permission(statement: Properties) -> dict[str, object]:
    principal = statement["Principal"]
    by = next(iter(principal.values())) if isinstance(principal, dict) else principal
    like = statement.get("Condition", {}).get("ArnLike", {})
    equals = statement.get("Condition", {}).get("StringEquals", {})
    return {
        "Action": statement["Action"],
        "Principal": by,
        "SourceArn": like.get("AWS:SourceArn"),
        "SourceAccount": equals.get("AWS:SourceAccount"),
    }
