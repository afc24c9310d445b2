"""A real submission: the deployed function takes it, a real worker process answers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from rehearsal.account import Account, RehearsalError
from rehearsal.inspection import Deployed, Inspection

_PATIENCE_S = 60
_VISIBILITY_S = "10"
_ROOT = Path(__file__).parents[1]


def submit(
    account: Account,
    inspection: Inspection,
    service: Deployed,
    *,
    model: str,
    artifact: Path,
    texts: Sequence[str],
) -> Any:
    """Return what the function tells of the texts, once they are answered.

    The emulator runs the function with the code that the stack published; the worker is
    started with what the service's task is told, which ECS would do.
    """
    body = json.dumps({"instances": list(texts)})
    status, told = _call(
        account, inspection, "POST", f"/v1/models/{model}:submit", body
    )
    if status != 202:
        return told
    path = f"/v1/models/{model}/submissions/{told['id']}"
    with _working(account, service, artifact):
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            _, told = _call(account, inspection, "GET", path)
            if told.get("state") != "pending":
                break
            time.sleep(0.1)
    return told


def _call(
    account: Account, inspection: Inspection, method: str, path: str, body: str = ""
) -> tuple[int, Any]:
    event = {
        "rawPath": path,
        "requestContext": {"http": {"method": method}},
        # Or the same texts would be told what the release before had answered.
        "headers": {
            "content-type": "application/json",
            "idempotency-key": uuid4().hex,
        },
        "body": body,
    }
    answer = account.client("lambda").invoke(
        FunctionName=_door(inspection), Payload=json.dumps(event)
    )
    said = json.loads(answer["Payload"].read())
    if "statusCode" not in said:
        raise RehearsalError(f"{inspection.stack.name}: the function failed: {said}")
    return said["statusCode"], json.loads(said["body"])


def _door(inspection: Inspection) -> str:
    for item in inspection.deployed:
        kind = item.resource.type
        if kind == "AWS::Lambda::Function" and item.physical_id.endswith("-door"):
            return item.physical_id
    raise RehearsalError(f"{inspection.stack.name}: no function takes submissions")


@contextmanager
def _working(account: Account, service: Deployed, artifact: Path) -> Iterator[None]:
    environment = {**account.environment(artifact), **_told(account, service)}
    worker = subprocess.Popen(
        [sys.executable, "-m", "containers.queued", "worker"],
        cwd=_ROOT,
        # A worker that was killed while it waited may be given a message yet: it comes
        # again after so long.
        env={
            **environment,
            "MODEL_DIR": str(artifact),
            "VISIBILITY_SECONDS": _VISIBILITY_S,
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        worker.kill()
        worker.wait()


def _told(account: Account, service: Deployed) -> Mapping[str, str]:
    """What the task of a service has in its environment."""
    assert service.reading
    found = account.client("ecs").describe_task_definition(
        taskDefinition=service.reading.properties["TaskDefinition"]
    )
    (container,) = found["taskDefinition"]["containerDefinitions"]
    return {each["name"]: each["value"] for each in container["environment"]}
