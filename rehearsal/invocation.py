"""A real call of a function: the server of its image, started as its function is told."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.server import ServerError, litert_command, serve
from bench.web_adapter import WebAdapter, event
from rehearsal.account import Account, RehearsalError
from rehearsal.inspection import Deployed, Inspection

# What the image sets beside the function: see containers/function/Dockerfile.
_IMAGE = {"SERVER_HOST": "127.0.0.1", "GUNICORN_CMD_ARGS": "--timeout=0"}


def invoke(
    account: Account,
    inspection: Inspection,
    *,
    model: str,
    artifact: Path,
    texts: Sequence[str],
) -> tuple[int, Any]:
    """Return the status and the JSON that a caller of the function's address gets.

    The emulator starts no image, so the server is started here, with the environment
    of the version that the alias leads to, and asked as Lambda's web adapter would.
    """
    told = _told(account, inspection)
    body = json.dumps({"instances": list(texts)}).encode()
    asked = event("POST", f"/v1/models/{model}:predict", body)
    command = litert_command(artifact, python=Path(sys.executable))
    try:
        with serve(command, environment={**_IMAGE, **told}) as server:
            here = WebAdapter.of({**told, "AWS_LWA_PORT": str(server.port)})
            here.wait_ready()
            answer = here.invoke(asked)
    except (ServerError, OSError) as error:
        where = inspection.stack.name
        raise RehearsalError(f"{where}: the function's server: {error}") from error
    return answer["statusCode"], json.loads(answer["body"])


def _told(account: Account, inspection: Inspection) -> Mapping[str, str]:
    """What callers of the address reach: the environment of the alias's version."""
    address = _only(inspection, "AWS::Lambda::Url")
    name, _, alias = address.physical_id.partition(":")
    found = account.client("lambda").get_function_configuration(
        FunctionName=name, Qualifier=alias
    )
    told: Mapping[str, str] = found["Environment"]["Variables"]
    return told


def _only(inspection: Inspection, kind: str) -> Deployed:
    for item in inspection.deployed:
        if item.resource.type == kind and item.physical_id:
            return item
    raise RehearsalError(f"{inspection.stack.name}: has no {kind}")
