"""The hub path against a server that speaks the hub's endpoints, on loopback."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytestmark = pytest.mark.tf  # huggingface_hub is installed on the build side

CONTENT = b'{"model_type": "bert"}'
COMMIT = "a" * 40


class Hub(BaseHTTPRequestHandler):
    """Answers `resolve` for one file of one model repository."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        found = self.path == f"/owner/name/resolve/{COMMIT}/config.json"
        self.send_response(200 if found else 404)
        if not found:
            self.send_header("X-Error-Code", "EntryNotFound")
        content = CONTENT if found else b""
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha1(CONTENT).hexdigest()}"')
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Quiet: the test reads answers, not logs."""


@pytest.fixture
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def ask(endpoint: str, name: str, home: Path) -> subprocess.CompletedProcess[str]:
    """In a process of its own: huggingface_hub reads its endpoint at import."""
    program = (
        "from model_build.sources import SourceError, locate\n"
        "try:\n"
        f"    print((locate('hub:owner/name@{COMMIT}', None, ['{name}']) / '{name}').read_text())\n"
        "except SourceError as error:\n"
        "    print('refused', error)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(home)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )


def test_downloads_a_checkpoint_s_file_at_its_commit(hub: str, tmp_path: Path) -> None:
    assert ask(hub, "config.json", tmp_path).stdout.strip() == CONTENT.decode()


def test_names_a_file_that_the_hub_does_not_have(hub: str, tmp_path: Path) -> None:
    answer = ask(hub, "absent.json", tmp_path).stdout
    assert answer.startswith(f"refused hub:owner/name@{COMMIT}: not downloaded")
    assert len(answer.splitlines()) == 1


def test_says_so_when_there_is_no_network(tmp_path: Path) -> None:
    answer = ask("http://127.0.0.1:1", "config.json", tmp_path).stdout
    assert answer.startswith("refused hub:")
