"""The session with curl in docs/deploy.md, asked again as a function's address asks."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.server import litert_command, serve
from bench.web_adapter import WebAdapter, event
from tests.sessions import kinds, session


def requests() -> list[tuple[bytes, int, Any]]:
    """Return the body of each request of the page, and the status and JSON it shows."""
    found = []
    for command, printed in session("A function that answers"):
        if command.startswith("curl"):
            words = shlex.split(command)
            status = re.match(r"HTTP/1.1 (\d+)", printed)
            body = words[words.index("-d") + 1].encode()
            shown = json.loads(printed.splitlines()[-1])
            found.append((body, int(status[1]) if status else 200, shown))
    return found


@pytest.mark.server
def test_the_session_of_the_page_is_what_a_caller_gets(artifact: Path) -> None:
    asked = requests()
    assert [status for _, status, _ in asked] == [200, 400]
    command = litert_command(artifact, python=Path(sys.executable))
    with serve(command) as server:
        adapter = WebAdapter.of({"AWS_LWA_PORT": str(server.port)})
        for body, status, shown in asked:
            path = "/v1/models/support-sentiment:predict"
            answer = adapter.invoke(event("POST", path, body))
            told = json.loads(answer["body"])
            assert answer["statusCode"] == status
            assert kinds(told) == kinds(shown)
            assert told.get("error") == shown.get("error")
