"""The hub path against a server that speaks the hub's endpoints, on loopback."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytestmark = pytest.mark.tf  # huggingface_hub is installed on the build side

ROOT = Path(__file__).parents[2]
COMMIT = "a" * 40
MODEL, DATA = "owner/name", "datasets/owner/name"
SOURCE = f"hub:owner/name@{COMMIT}"
CONFIG = b'{"model_type": "bert"}'
PIECE = 10 * 2**20  # bytes that the client takes up again: it keeps whole pieces
WEIGHTS = bytes(range(256)) * 4096 * 12
CUT = PIECE + 2**20


@dataclass
class Hub:
    """What the hub has, and how it misbehaves; `asked` is what it was asked for."""

    files: dict[str, bytes] = field(default_factory=dict)  # repository/name -> content
    private: bool = False  # without a token, as if nothing were there
    refused: tuple[int, str] | None = None  # status and X-Error-Code of every answer
    cut_after: list[int] = field(default_factory=list)  # bytes, of the next downloads
    reset: bool = False  # a cut is a reset, not an end
    ranges: bool = True
    asked: list[str] = field(default_factory=list)
    port: int = 0


def handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """`HEAD` and `GET` of /REPOSITORY/resolve/COMMIT/NAME, ranges included."""

        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.answer(with_body=False)

        def do_GET(self) -> None:
            self.answer(with_body=True)

        def answer(self, *, with_body: bool) -> None:
            wanted = self.headers.get("Range", "")
            hub.asked.append(f"{self.command} {self.path} {wanted}".strip())
            if hub.private and self.headers.get("Authorization") != "Bearer hf_right":
                return self.refuse(401, "RepoNotFound")
            if hub.refused:
                return self.refuse(*hub.refused)
            repository, found, rest = self.path.lstrip("/").partition("/resolve/")
            commit, _, name = rest.partition("/")
            content = hub.files.get(f"{repository}/{name}")
            if not found or commit != COMMIT or content is None:
                return self.refuse(404, "EntryNotFound")
            start = int(wanted[6:].partition("-")[0]) if wanted and hub.ranges else 0
            self.send(content, start, with_body)

        def send(self, content: bytes, start: int, with_body: bool) -> None:
            self.send_response(206 if start else 200)
            if start:
                last = len(content) - 1
                self.send_header("Content-Range", f"bytes {start}-{last}/{last + 1}")
            self.send_header("Content-Length", str(len(content) - start))
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
            self.end_headers()
            if with_body and hub.cut_after:
                self.wfile.write(content[start : start + hub.cut_after.pop(0)])
                self.cut()
            elif with_body:
                self.wfile.write(content[start:])

        def cut(self) -> None:
            self.close_connection = True
            if hub.reset:
                time.sleep(0.2)  # what was sent shall have arrived
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                os.close(self.connection.detach())

        def refuse(self, status: int, code: str) -> None:
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet: the test reads answers, not logs."""

    return Handler


@pytest.fixture
def hub() -> Iterator[Hub]:
    what = Hub({f"{MODEL}/config.json": CONFIG, f"{MODEL}/weights": WEIGHTS})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(what))
    server.daemon_threads = True
    what.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield what
    server.shutdown()
    server.server_close()


Ask = Callable[..., str]

PROGRAM = """
import sys
from model_build.sources import SourceError, file_digest, locate
source, *files = sys.argv[1:]
try:
    found = locate(source, None, files)
    for path in [found / name for name in files] or [found]:
        print(path.name, file_digest(path))
except SourceError as error:
    print("refused", error)
"""


@pytest.fixture
def ask(hub: Hub, tmp_path: Path) -> Ask:
    """What locate() says, in a process: the client reads its settings at import."""

    def run(source: str, *files: str, **settings: str) -> str:
        environment = {
            **os.environ,
            "HF_ENDPOINT": f"http://127.0.0.1:{hub.port}",
            "HF_HOME": str(tmp_path / "home"),
            "HF_TOKEN": "",
            **settings,
        }
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, source, *files],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return done.stdout.strip()

    return run


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_downloads_a_checkpoint_once_and_needs_no_hub_again(hub: Hub, ask: Ask) -> None:
    # red if the cache is not asked before the hub
    first = ask(SOURCE, "config.json", "weights")
    assert first == f"config.json {digest(CONFIG)}\nweights {digest(WEIGHTS)}"
    count = len(hub.asked)
    assert ask(SOURCE, "config.json", "weights") == first
    assert len(hub.asked) == count


def test_one_file_of_a_data_set_may_lie_in_a_folder(hub: Hub, ask: Ask) -> None:
    hub.files[f"{DATA}/sst2/train.parquet"] = WEIGHTS
    found = ask(f"{SOURCE}/sst2/train.parquet")
    assert found == f"train.parquet {digest(WEIGHTS)}"


@pytest.mark.parametrize("reset", [False, True], ids=["ended", "reset"])
def test_a_download_that_is_cut_is_taken_up_and_whole(
    hub: Hub, ask: Ask, reset: bool
) -> None:
    # red if _downloaded() tries once: a reset is not mended by the client
    hub.cut_after, hub.reset = [CUT], reset
    assert ask(SOURCE, "weights") == f"weights {digest(WEIGHTS)}"
    gets = [request for request in hub.asked if request.startswith("GET /owner")]
    assert len(gets) == 2
    assert gets[1].endswith(f"bytes={PIECE}-") != reset


def test_a_server_that_knows_no_ranges_is_read_from_the_start(
    hub: Hub, ask: Ask
) -> None:
    hub.cut_after, hub.ranges = [CUT], False
    assert ask(SOURCE, "weights") == f"weights {digest(WEIGHTS)}"


def test_a_download_that_is_always_cut_is_refused_and_leaves_nothing_half(
    hub: Hub, ask: Ask, tmp_path: Path
) -> None:
    hub.cut_after, hub.reset = [1000] * 3, True
    answer = ask(SOURCE, "config.json", "weights")
    assert answer.startswith(f"refused {SOURCE}: weights: not downloaded: ")
    kept = [path for path in (tmp_path / "home").rglob("weights*") if path.is_file()]
    assert not kept
    hub.asked.clear()
    assert digest(WEIGHTS) in ask(SOURCE, "config.json", "weights")
    assert not [request for request in hub.asked if "config.json" in request]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "or it is private: set HF_TOKEN to a token that may read it"),
        ({"HF_TOKEN": "hf_wrong"}, "or it is private: set HF_TOKEN"),
    ],
)
def test_a_private_repository_asks_for_a_token(
    hub: Hub, ask: Ask, settings: dict[str, str], message: str
) -> None:
    hub.private = True
    answer = ask(SOURCE, "config.json", **settings)
    assert answer.startswith("refused")
    assert message in answer
    assert "hf_" not in answer, "a token is no part of a message"
    assert digest(CONFIG) in ask(SOURCE, "config.json", HF_TOKEN="hf_right")


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (401, "RepoNotFound", "there is no such repository, or it is private"),
        (403, "GatedRepo", "its terms must be accepted first"),
        (404, "RevisionNotFound", "there is no such commit"),
        (404, "EntryNotFound", "there is no such file at this commit"),
        (500, "", "500"),
    ],
)
def test_a_refusal_says_what_it_is_on_one_line(
    hub: Hub, ask: Ask, status: int, code: str, message: str
) -> None:
    # red if an entry is taken out of _REASONS, or a 5xx is retried without end
    hub.refused = (status, code)
    begun = time.monotonic()
    answer = ask(SOURCE, "config.json")
    assert answer.startswith(f"refused {SOURCE}: config.json: not downloaded: ")
    assert message in answer
    assert len(answer.splitlines()) == 1
    assert time.monotonic() - begun < 15


def test_says_at_once_that_nobody_answers(ask: Ask) -> None:
    # red without the question before the download: that one asks for 24 s
    begun = time.monotonic()
    answer = ask(SOURCE, "config.json", HF_ENDPOINT="http://127.0.0.1:1")
    assert "http://127.0.0.1:1 does not answer" in answer
    assert time.monotonic() - begun < 10


def test_a_build_refuses_a_file_of_another_digest(
    hub: Hub, ask: Ask, tmp_path: Path
) -> None:
    """The whole way: spec, hub, digest; before anything is trained."""
    hub.files[f"{DATA}/train.jsonl"] = json.dumps({"text": "x", "label": 0}).encode()
    spec = tmp_path / "hub.toml"
    spec.write_text(f"""
name = "hub"
task = "classification"
labels = ["bad", "good"]
release = "teacher"
[data]
source = "{SOURCE}/train.jsonl"
sha256 = "{"0" * 64}"
[checkpoint]
source = "{SOURCE}"
[serving]
lengths = [8]
[[passes]]
variant = "teacher"
name = "finetune"
[[gates]]
measure = "accuracy"
at_least = 0.5
""")
    program = (
        "from pathlib import Path\n"
        "from model_build.inputs import examples_of\n"
        "from model_build.sources import SourceError\n"
        "from model_build.spec import read_spec\n"
        "try:\n"
        f"    examples_of(read_spec(Path({str(spec)!r})), None)\n"
        "except SourceError as error:\n"
        "    print(error)\n"
    )
    environment = {"HF_ENDPOINT": f"http://127.0.0.1:{hub.port}"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "HF_HOME": str(tmp_path / "home"), **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert f"the spec says {'0' * 64}: a broken download" in done.stdout
    assert f"remove {tmp_path}" in done.stdout
