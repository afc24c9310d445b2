from __future__ import annotations

import json
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from bench.server import PLAIN, ServerError, litert_command, serve
from tests.containers.conftest import TINY

# A server of the standard library that takes the memory and the time it is told to.
SCRIPT = """
import argparse, http.server, os, sys, time
parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int)
parser.add_argument("--mib", type=int, default=1)
parser.add_argument("--fail")
options = parser.parse_args()
if options.fail:
    print("first\\n" * 20 + options.fail, file=sys.stderr)
    sys.exit(7)
held = bytes(1 << 20) * options.mib
del held

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if "ready" in self.path else 404)
        self.end_headers()
        self.wfile.write(str(len(os.sched_getaffinity(0))).encode())
    def log_message(self, *_): ...

parent = os.getpid()
if os.fork() == 0:
    while os.getppid() == parent:
        time.sleep(0.05)
    sys.exit()
http.server.HTTPServer(("127.0.0.1", options.port), Handler).serve_forever()
"""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    (tmp_path / "script.py").write_text(SCRIPT)
    return [sys.executable, str(tmp_path / "script.py")]


def test_waits_until_ready_and_stops_it_after(command: list[str]) -> None:
    with serve(command) as server:
        assert server.process.poll() is None
        assert 0 < server.ready_seconds < 10
    assert server.process.poll() is not None


def test_counts_the_peak_of_all_processes(command: list[str]) -> None:
    with serve(command) as small, serve([*command, "--mib", "200"]) as large:
        assert 195 < large.memory_mib() - small.memory_mib() < 230
        assert small.memory_mib() > 10


def test_says_the_last_words_of_a_server_that_ends(command: list[str]) -> None:
    with (
        pytest.raises(ServerError, match=r"ended with 7: (first\n){9}no such model"),
        serve([*command, "--fail", "no such model"]),
    ):
        pass


def test_says_when_a_server_is_not_ready_in_time() -> None:
    sleeper = [
        sys.executable,
        "-c",
        "import time; print('loading', flush=True); time.sleep(60)",
    ]
    with (
        pytest.raises(ServerError, match=r"not ready in time: loading"),
        serve(sleeper, timeout_s=0.5),
    ):
        pass


@pytest.mark.server
def test_a_plain_server_runs_the_model_for_every_request() -> None:
    """Or a repeated text would measure the cache."""
    command = litert_command(TINY, python=Path(sys.executable))
    with serve(command, environment=PLAIN) as server:
        url = f"http://127.0.0.1:{server.port}"
        body = json.dumps({"instances": ["the same text"]}).encode()
        for _ in range(5):
            urlopen(f"{url}/v1/models/tiny-sentiment:predict", body).close()
        metrics = urlopen(f"{url}/metrics").read().decode()
    (line,) = (x for x in metrics.splitlines() if x.startswith("lathe_batch_rows_sum"))
    assert float(line.split()[-1]) == 5
