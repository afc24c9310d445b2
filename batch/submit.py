"""Hand a job to AWS Batch: say what it will take, start its tasks, watch them."""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batch.price import dollars, seconds_of
from batch.record import RefusedError
from batch.status import State, read_state
from containers.batch.objects import Address, Found, Objects
from containers.batch.plan import fitting, parts
from manifest import Manifest, ManifestError, read_manifest

TASK_S = 600  # of work for each task, if nobody asks for another number of them
MOST_TASKS = 10_000  # of an array job
_SAMPLE_BYTES = 1 << 20
_EVERY_S = 10.0
ENDED = ("SUCCEEDED", "FAILED")


@dataclass(frozen=True)
class Asked:
    job: str  # as stacks/config.py calls it
    stage: str
    source: Address
    out: Address
    id_field: str = "id"
    tasks: int | None = None  # None: as many as have ten minutes of work each


@dataclass(frozen=True)
class Definition:
    """What is deployed under a job's name: the newest revision."""

    arn: str
    model: str
    version: str
    vcpu: float
    memory_mib: int


@dataclass(frozen=True)
class Estimate:
    """What a job will take; None where the release's rate is not known here."""

    lines: float
    parts: int
    tasks: int
    minutes: float | None  # with all tasks at once
    dollars: float | None  # on demand, without their start


@dataclass(frozen=True)
class Submitted:
    id: str
    estimate: Estimate


def submit(
    client: Any,
    objects: Objects,
    asked: Asked,
    releases: Path,
    say: Callable[[str], None],
) -> Submitted:
    """Start the tasks of a job that is deployed.

    Raises RefusedError, ObjectError, ManifestError, PriceError or what boto3 raises.
    """
    name = f"lathe-{asked.stage}-{asked.job}"
    definition = _definition(client, name)
    found = objects.list(asked.source)
    release = _release(releases / asked.stage / f"{definition.model}.json", definition)
    estimate = estimated(objects, found, definition, release, asked.tasks)
    say(text(estimate))
    command = [str(asked.source), str(asked.out), "--id", asked.id_field]
    array = {"arrayProperties": {"size": estimate.tasks}} if estimate.tasks > 1 else {}
    answer = client.submit_job(
        jobName=f"{name}-{int(time.time())}",
        jobQueue=name,
        jobDefinition=definition.arn,
        containerOverrides={"command": ["python", "-m", "containers.batch", *command]},
        **array,
    )
    return Submitted(answer["jobId"], estimate)


def _definition(client: Any, name: str) -> Definition:
    found = client.describe_job_definitions(jobDefinitionName=name, status="ACTIVE")
    revisions = sorted(found["jobDefinitions"], key=lambda each: each["revision"])
    if not revisions:
        raise RefusedError(
            f"{name}: no such job definition: deploy the stage with this job first"
        )
    container = revisions[-1]["containerProperties"]
    needs = {each["type"]: each["value"] for each in container["resourceRequirements"]}
    told = {each["name"]: each["value"] for each in container["environment"]}
    return Definition(
        arn=revisions[-1]["jobDefinitionArn"],
        model=told["MODEL_NAME"],
        version=told["MODEL_VERSION"],
        vcpu=float(needs["VCPU"]),
        memory_mib=int(needs["MEMORY"]),
    )


def _release(path: Path, definition: Definition) -> Manifest | None:
    """Return what was measured of the deployed version, if it is released from here."""
    if not path.is_file():
        return None
    try:
        release = read_manifest(path)
    except ManifestError as error:
        raise RefusedError(str(error)) from error
    return release if release.version == definition.version else None


def estimated(
    objects: Objects,
    found: Sequence[Found],
    definition: Definition,
    release: Manifest | None,
    tasks: int | None,
) -> Estimate:
    """Say what a job will take, by a sample of its first object."""
    lines, count = about_lines(objects, found), len(list(parts(found, fitting(found))))
    cores, seconds, price = max(1, round(definition.vcpu)), None, None
    if release is not None:
        seconds = seconds_of(release, lines, cores=cores)
        if seconds is not None:
            price = dollars(
                release, seconds, cores=cores, memory_mib=definition.memory_mib
            )
    wanted = tasks or math.ceil((seconds or 0.0) / TASK_S) or 1
    taken = min(wanted, count, MOST_TASKS)
    minutes = None if seconds is None else seconds / 60 / taken
    return Estimate(lines, count, taken, minutes, price)


def about_lines(objects: Objects, found: Sequence[Found]) -> float:
    """Estimate how many lines objects have, from the beginning of the first one."""
    first = found[0]
    with objects.open(first) as file:
        taken = file.read(_SAMPLE_BYTES)
    sample = taken
    if first.is_zipped:
        sample = zlib.decompressobj(wbits=31).decompress(taken)
    lines = sample.count(b"\n") + (not sample.endswith(b"\n"))
    return lines * sum(each.size_bytes for each in found) / len(taken)


def text(estimate: Estimate) -> str:
    """Return what a person is told before a job."""
    about = (
        f"about {estimate.lines:,.0f} lines in {estimate.parts:,} parts, "
        f"{estimate.tasks:,} tasks"
    )
    if estimate.minutes is None:
        return f"{about}; how long they take is not known: its release is not here"
    price = "" if estimate.dollars is None else f", {estimate.dollars:,.2f} dollars"
    return f"{about}: {estimate.minutes:,.1f} minutes once all run{price} on Fargate"


def follow(
    client: Any, objects: Objects, id_: str, out: Address, say: Callable[[str], None]
) -> State:
    """Wait until a job ends, and say how far it is; raises RefusedError if it failed."""
    said, known = "", dict[str, Any]()
    while True:
        (job,) = client.describe_jobs(jobs=[id_])["jobs"]
        state = read_state(objects, out, known)
        line = f"{job['status'].lower()}: {state.text}"
        if line != said:
            said = line
            say(line)
        if job["status"] in ENDED:
            break
        time.sleep(_EVERY_S)
    if job["status"] == "FAILED":
        reason = job.get("statusReason", "its tasks' logs say why")
        raise RefusedError(
            f"{id_}: {reason}; finished parts are kept, and the same command goes on"
        )
    return state
