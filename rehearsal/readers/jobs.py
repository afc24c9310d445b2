"""Queues and definitions of jobs, read back from AWS Batch."""

from __future__ import annotations

from rehearsal.account import Account
from rehearsal.readers.reading import Properties, Reading, the_only


def environment(account: Account, id_: str, given: Properties) -> Reading:
    name = id_.rpartition("/")[2]
    answer = account.client("batch").describe_compute_environments(
        computeEnvironments=[name]
    )
    found = the_only(answer["computeEnvironments"])
    return Reading(
        {
            "ComputeResources": found["computeResources"],
            "State": found["state"],
            "Type": found["type"].lower(),  # as aws-cdk writes it
        },
        {"ComputeEnvironmentArn": id_},
    )


def queue(account: Account, id_: str, given: Properties) -> Reading:
    answer = account.client("batch").describe_job_queues(jobQueues=[id_])
    found = the_only(answer["jobQueues"])
    names = ("JobQueueName", "Priority", "State", "ComputeEnvironmentOrder")
    spelled = {name: found[name[0].lower() + name[1:]] for name in names}
    return Reading(spelled, {"JobQueueArn": id_})


def definition(account: Account, id_: str, given: Properties) -> Reading:
    """MiniStack keeps the container and the name, and no more of it."""
    name = id_.rpartition("/")[2].partition(":")[0]
    answer = account.client("batch").describe_job_definitions(jobDefinitionName=name)
    active = [e for e in answer["jobDefinitions"] if e["status"] == "ACTIVE"]
    found = the_only([e for e in active if e["jobDefinitionArn"] == id_])
    return Reading(
        {
            "JobDefinitionName": found["jobDefinitionName"],
            "ContainerProperties": found["containerProperties"],
            "Type": found["type"],
        }
    )


def schedule(account: Account, id_: str, given: Properties) -> Reading:
    """MiniStack forgets the time zone."""
    scheduler = account.client("scheduler")
    found = scheduler.get_schedule(Name=id_.rpartition("/")[2])
    kept = found.keys() & given.keys() - {"ScheduleExpressionTimezone"}
    return Reading({name: found[name] for name in kept}, {"Arn": found["Arn"]})
