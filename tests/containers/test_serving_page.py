"""docs/serving.md says what the server does: its commands run, its tables are complete."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bench.server import Server, litert_command, serve
from containers.flask.cache import CacheSettings
from containers.flask.door import Limits
from containers.flask.emf import UNITS
from containers.flask.exposition import Exposition
from containers.flask.metrics import Metrics
from containers.flask.openapi import MAX_TIMEOUT_MS
from containers.flask.settings import Settings
from tests.containers.conftest import TINY
from tests.sessions import session, shape, typed

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/serving.md").read_text()
SHELL = "\n".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)).replace("\\\n", " ")
CURLS = [shlex.split(line) for line in re.split(r"\n(?=curl )", SHELL.strip())]


def names(section: str) -> set[str]:
    """What a section's table names in its first column."""
    body = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in body.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve(litert_command(TINY, python=Path(sys.executable))) as running:
        yield running


@pytest.mark.server
@pytest.mark.parametrize("curl", CURLS, ids=lambda words: words[1][21:])
def test_every_command_is_answered(curl: list[str], server: Server) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    here = [
        word.replace("8080", str(server.port)).replace(
            "support-sentiment", "tiny-sentiment"
        )
        for word in curl
    ]
    command = [here[0], "--fail-with-body", "--silent", "--show-error", *here[1:]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout


@pytest.mark.server
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_session_of_the_first_release_is_what_happens(server: Server) -> None:
    url = f"http://127.0.0.1:{server.port}/v1/models/tiny-sentiment"
    asked = [each for each in session("The first release") if "curl" in each[0]]
    for command, printed in asked:
        assert shape(typed(command, url)) == shape(printed), command
    assert len(asked) == 3


def test_every_variable_that_is_read_is_named() -> None:
    sources = ROOT.glob("containers/flask/*.py")
    pattern = re.compile(
        r'''environ(?:ment)?(?:\.get\(|\[)["']([A-Z_]+)["']|_whole\(\s*environment, "([A-Z_]+)"'''
    )
    read = {
        first or second
        for path in sources
        for first, second in pattern.findall(path.read_text())
    }
    assert names("Environment") == read


def test_defaults_and_limits_are_the_ones_in_force() -> None:
    chosen, cached, limits = Settings(), CacheSettings(), Limits()
    assert f"| `MAX_WAIT_MS` | {chosen.max_wait_ms} |" in PAGE
    assert f"| `LOG_REQUESTS` | {chosen.log_requests} |" in PAGE
    assert f"| `CACHE_MIB` | {cached.mib} |" in PAGE
    assert f"| `CACHE_TTL_S` | {cached.ttl_s} |" in PAGE
    assert f"over {chosen.max_body_bytes // 1024} KiB of body" in PAGE
    assert f"over {limits.head_bytes // 1024} KiB of headers" in PAGE
    assert f"within {limits.read_seconds:g} s" in PAGE
    assert f"1 to {MAX_TIMEOUT_MS}" in PAGE


def test_every_metric_is_named() -> None:
    metrics = Metrics({"model": "a", "model_version": "b"})
    metrics.answered("predict", 200, 0.1)
    metrics.rejected("full")
    body, _ = Exposition(metrics).encode()
    told = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in text_string_to_metric_families(body.decode())
        if family.name.startswith("lathe")
    }
    assert names("Metrics") == told
    for name in UNITS:
        assert f"`{name}`" in PAGE
