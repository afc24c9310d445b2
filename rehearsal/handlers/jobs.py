"""AWS Batch through its own API; what MiniStack's lacks of it is done to its tables."""

from __future__ import annotations

import importlib
from typing import Any

from rehearsal.account import Account
from rehearsal.api import api_request
from rehearsal.handlers.handler import Created, Properties

_CLOUDFORMATIONS_OWN = ("ReplaceComputeEnvironment", "UpdatePolicy")


def create_environment(
    account: Account, name: str, given: Properties, stack: str
) -> Created:
    batch = account.client("batch")
    asked = {"ComputeEnvironmentName": f"{stack}-{name}", **given}
    for key in _CLOUDFORMATIONS_OWN:
        asked.pop(key, None)
    request = api_request(batch, "CreateComputeEnvironment", asked)
    arn = batch.create_compute_environment(**request)["computeEnvironmentArn"]
    return str(arn), {"ComputeEnvironmentArn": arn}


def update_environment(
    account: Account, id_: str, old: Properties, new: Properties
) -> Created:
    batch = account.client("batch")
    asked = {"ComputeEnvironment": id_} | {
        key: new[key] for key in ("State", "ComputeResources") if key in new
    }
    batch.update_compute_environment(
        **api_request(batch, "UpdateComputeEnvironment", asked)
    )
    return id_, {"ComputeEnvironmentArn": id_}


def delete_environment(account: Account, id_: str, given: Properties) -> None:
    _tables()._compute_envs.pop(_name(id_), None)


def create_queue(account: Account, name: str, given: Properties, stack: str) -> Created:
    batch = account.client("batch")
    asked = {"JobQueueName": f"{stack}-{name}", **given}
    arn = batch.create_job_queue(**api_request(batch, "CreateJobQueue", asked))[
        "jobQueueArn"
    ]
    return str(arn), {"JobQueueArn": arn}


def delete_queue(account: Account, id_: str, given: Properties) -> None:
    _tables()._job_queues.pop(_name(id_), None)


def register_definition(
    account: Account, name: str, given: Properties, stack: str
) -> Created:
    batch = account.client("batch")
    asked = {"JobDefinitionName": f"{stack}-{name}", **given}
    request = api_request(batch, "RegisterJobDefinition", asked)
    return str(batch.register_job_definition(**request)["jobDefinitionArn"]), {}


def deregister_definition(account: Account, id_: str, given: Properties) -> None:
    """It stays listed as inactive, as at AWS: no later revision has its number."""
    name = _name(id_).partition(":")[0]
    for each in _tables()._job_definitions.get(name, []):
        if each["jobDefinitionArn"] == id_:
            each["status"] = "INACTIVE"


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]


def _tables() -> Any:
    return importlib.import_module("ministack.services.batch")
