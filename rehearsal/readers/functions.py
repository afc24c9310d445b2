"""Functions, their versions and who may call them, read back from Lambda."""

from __future__ import annotations

import json

from rehearsal.account import Account
from rehearsal.readers.reading import AtLeast, Properties, Reading, the_only

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
    """The code is compared by its size only: a template names it by where it lies."""
    answer = account.client("lambda").get_function(FunctionName=id_)
    found, tags = answer["Configuration"], answer.get("Tags", {})
    picked = {name: found.get(name) for name in _FUNCTION}
    reserved = answer.get("Concurrency", {}).get("ReservedConcurrentExecutions")
    picked["ReservedConcurrentExecutions"] = reserved
    return Reading(
        {**picked, "Tags": AtLeast({"Key": k, "Value": v} for k, v in tags.items())},
        {"Arn": found["FunctionArn"]},
    )


def address(account: Account, id_: str, given: Properties) -> Reading:
    """Its id is its function's name: a function has one."""
    found = account.client("lambda").get_function_url_config(FunctionName=id_)
    return Reading(
        {
            "AuthType": found["AuthType"],
            "InvokeMode": found.get("InvokeMode"),
            "TargetFunctionArn": found["FunctionArn"],
        },
        {"FunctionArn": found["FunctionArn"], "FunctionUrl": found["FunctionUrl"]},
    )


def version(account: Account, id_: str, given: Properties) -> Reading:
    answer = account.client("lambda").get_function(FunctionName=id_)
    found = answer["Configuration"]
    # The template may name the function by its ARN, or by its name.
    arn = found["FunctionArn"].removesuffix(f":{found['Version']}")
    by_arn = str(given["FunctionName"]).startswith("arn:")
    name = arn if by_arn else found["FunctionName"]
    return Reading(
        {"FunctionName": name, "Description": found.get("Description")},
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
