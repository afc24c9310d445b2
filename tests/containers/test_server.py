"""A real gunicorn over the tiny artifact, on loopback."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.server import ROOT, Server, ServerError, free_port, litert_command, serve
from containers.flask.door import Limits
from containers.flask.predictor import Predictor
from manifest import Manifest
from tests.containers.conftest import TINY

pytestmark = pytest.mark.server

PREDICT = "/v1/models/tiny-sentiment:predict"
READY = "/v2/health/ready"
PYTHON = Path(sys.executable)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve(litert_command(TINY, python=PYTHON)) as running:
        yield running


def connect(server: Server) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)


def ask(connection: http.client.HTTPConnection, texts: list[str]) -> tuple[int, bytes]:
    connection.request("POST", PREDICT, json.dumps({"instances": texts}))
    response = connection.getresponse()
    return response.status, response.read()


def test_answers_over_http_as_in_process(
    server: Server, tiny_predictor: Predictor, tiny_manifest: Manifest
) -> None:
    texts = ["My order never came", "thank you 😀", "ok"]
    status, body = ask(connect(server), texts)
    assert status == 200
    assert json.loads(body) == {
        "predictions": tiny_predictor.predict(texts),
        "model": "tiny-sentiment",
        "version": tiny_manifest.version,
    }


def test_is_ready_soon_and_stays_small(server: Server) -> None:
    assert server.ready_seconds < 5  # 0.6 s on a quiet machine
    assert 20 < server.memory_mib() < 150  # two processes, no TensorFlow


def test_a_connection_is_kept_longer_than_a_load_balancer_keeps_it() -> None:
    assert Limits().idle_seconds > 60  # an ALB's default idle timeout


@pytest.mark.parametrize(("timeout", "stays"), [("0", True), ("1", False)])
def test_a_frozen_function_keeps_its_worker_without_a_timeout(
    timeout: str, *, stays: bool
) -> None:
    """As Lambda freezes it between requests; with a timeout gunicorn kills it then."""
    told = {"GUNICORN_CMD_ARGS": f"--timeout={timeout}"}
    with serve(litert_command(TINY, python=PYTHON), environment=told) as running:
        before = running.workers()
        for number in (signal.SIGSTOP, signal.SIGCONT):
            for process in (running.process.pid, *before):
                os.kill(process, number)
            time.sleep(2.5)
        assert (running.workers() == before) == stays
        assert ask(connect(running), ["thanks"])[0] == 200


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_body_over_the_limit_gets_an_answer(server: Server, framing: str) -> None:
    connection = connect(server)
    chunks = [b'{"instances": ["', b"a" * 300_000, b'"]}']
    if framing == "chunked":
        connection.request("POST", PREDICT, iter(chunks), encode_chunked=True)
    else:
        connection.request("POST", PREDICT, b"".join(chunks))
    response = connection.getresponse()
    assert response.status == 413
    assert "262144 bytes" in json.loads(response.read())["error"]


def test_a_malformed_chunk_is_the_caller_s_mistake(server: Server) -> None:
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        raw.sendall(head.encode() + b"ZZ\r\n")
        assert raw.recv(65536).startswith(b"HTTP/1.1 400 ")


def test_a_broken_request_does_not_end_the_server(server: Server) -> None:
    for garbage in (b"\x00\xff\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n", b"GET"):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
            raw.sendall(garbage)
    assert ask(connect(server), ["still there?"])[0] == 200


@pytest.mark.parametrize("connection", ["kept", "new each time"])
def test_sigterm_loses_no_request_that_was_accepted(connection: str) -> None:
    with serve(litert_command(TINY, python=PYTHON)) as server:
        outcomes: Counter[str] = Counter()
        keep = connection == "kept"
        clients = [
            threading.Thread(target=press, args=(server, keep, outcomes))
            for _ in range(8)
        ]
        for client in clients:
            client.start()
        time.sleep(0.3)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
        for client in clients:
            client.join(20)
    assert outcomes["answered"] > 50
    assert set(outcomes) == {"answered", "refused at the door"}


def press(server: Server, keep: bool, outcomes: Counter[str]) -> None:
    """Ask until no connection is to be had, noting what came of each request."""
    connection = connect(server)
    while True:
        try:
            if connection.sock is None:
                connection.connect()
        except ConnectionRefusedError:
            outcomes["refused at the door"] += 1
            return
        try:
            status, _ = ask(connection, ["Is there a charge for a second bag?"] * 8)
        except (OSError, http.client.HTTPException) as error:
            outcomes[f"lost: {error!r}"] += 1
            return
        outcomes["answered" if status == 200 else f"status {status}"] += 1
        if not keep:
            connection.close()


def test_is_not_ready_while_it_drains() -> None:
    with serve(litert_command(TINY, python=PYTHON)) as server:
        kept = connect(server)
        kept.request("GET", READY)
        first = kept.getresponse()
        assert (first.status, first.read() != b"") == (200, True)
        server.process.send_signal(signal.SIGTERM)
        wait_until_closed(server.port)
        kept.request("GET", READY)
        assert kept.getresponse().status == 503
        assert server.process.wait(20) == 0


def test_a_reload_leaves_the_server_answering() -> None:
    with serve(litert_command(TINY, python=PYTHON)) as server:
        (worker,) = children(server.process.pid)
        server.process.send_signal(signal.SIGHUP)
        for _ in range(500):
            if children(server.process.pid).isdisjoint({worker}):
                break
            time.sleep(0.01)
        status, _ = ask(connect(server), ["a new worker"])
        assert status in {200, 503}  # it may be loading
        assert worker not in children(server.process.pid)


def children(pid: int) -> set[int]:
    return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def wait_until_closed(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.01)
    raise AssertionError("still accepts connections")


def start(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "containers.flask", *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_a_taken_port_is_one_line_and_exit_code_2(server: Server) -> None:
    ended = start("--model", str(TINY), "--port", str(server.port))
    assert ended.returncode == 2
    assert ended.stderr == f"error: 127.0.0.1:{server.port}: Address already in use\n"


def test_a_missing_artifact_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    ended = start("--model", str(tmp_path / "no-such"))
    assert ended.returncode == 2
    assert re.fullmatch(r"error: .*no-such: no such directory.*\n", ended.stderr)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("SERVER_VCPU", "abc", "SERVER_VCPU: 'abc' is not a number of cores, above 0"),
        ("SERVER_VCPU", "nan", "SERVER_VCPU: 'nan' is not a number of cores, above 0"),
        ("SERVER_VCPU", "-1", "SERVER_VCPU: '-1' is not a number of cores, above 0"),
        ("METRICS", "EMF", "METRICS: 'EMF' is not emf"),
        ("LOG_REQUESTS", "ALL", "LOG_REQUESTS: 'ALL' is not one of errors, all, none"),
        ("MAX_WAIT_MS", "0", "MAX_WAIT_MS: '0' is not a whole number from 1 to 60000"),
        (
            "CACHE_URL",
            "http://:secret@x",
            "CACHE_URL: not redis://HOST[:PORT] or rediss://HOST[:PORT]",
        ),
    ],
)
def test_a_setting_that_cannot_be_is_one_line_and_exit_code_2(
    name: str, value: str, message: str
) -> None:
    ended = start("--model", str(TINY), "--port", str(free_port()), **{name: value})
    assert (ended.returncode, ended.stderr) == (2, f"error: {message}\n")


def url_told(*options: str, **environment: str) -> str:
    """Start a server, stop it well, and return where it said that it listens."""
    process = subprocess.Popen(
        [*litert_command(TINY, python=PYTHON), *options],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
        env={**os.environ, **environment},
    )
    try:
        assert process.stdout is not None
        return str(json.loads(process.stdout.readline())["url"])
    finally:
        process.terminate()
        assert process.wait(20) in {0, -signal.SIGTERM}


def test_listens_on_an_address_of_either_family() -> None:
    for host, told in (
        ("::1", "[::1]"),
        ("[::1]", "[::1]"),
        ("localhost", "localhost"),
    ):
        port = free_port()
        found = url_told("--host", host, "--port", str(port))
        assert found == f"http://{told}:{port}"


def test_listens_where_its_environment_says() -> None:
    # red if a default of the command line stands before what docs/serving.md names
    port = free_port()
    assert url_told(SERVER_HOST="::1", PORT=str(port)) == f"http://[::1]:{port}"


def test_a_log_on_a_full_disk_takes_no_request_with_it(tmp_path: Path) -> None:
    with (
        Path("/dev/full").open("w") as full,
        subprocess.Popen(
            [*litert_command(TINY, python=PYTHON), "--port", str(port := free_port())],
            stdout=full,
            cwd=ROOT,
            env={**os.environ, "LOG_REQUESTS": "all"},
        ) as process,
    ):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        for _ in range(200):
            try:
                connection.request("GET", "/nope")
                break
            except ConnectionRefusedError:
                connection.close()
                time.sleep(0.05)
        assert connection.getresponse().status == 404
        process.terminate()
        assert process.wait(20) == 0


def test_a_damaged_artifact_is_one_line_and_exit_code_2(artifact: Path) -> None:
    with (artifact / "litert/model.tflite").open("ab") as file:
        file.write(b"\0")
    ended = start("--model", str(artifact))
    assert ended.returncode == 2
    assert re.fullmatch(r"error: .*model.tflite: SHA-256 is .*\n", ended.stderr)


def test_a_model_that_cannot_be_loaded_ends_the_server(artifact: Path) -> None:
    manifest = json.loads((artifact / "manifest.json").read_text())
    manifest["lengths"][-1] = 33
    (artifact / "manifest.json").write_text(json.dumps(manifest))
    with (
        pytest.raises(ServerError, match=r"(?s)ended with 3: .*error: .*tokens_33"),
        serve(litert_command(artifact, python=PYTHON)),
    ):
        pass


def test_gunicorn_alone_says_what_it_needs() -> None:
    command = [
        "-c",
        "containers/flask/gunicorn_config.py",
        "containers.flask.wsgi:create()",
    ]
    environment = {k: v for k, v in os.environ.items() if k != "MODEL_DIR"}
    ended = subprocess.run(
        [sys.executable, "-m", "gunicorn", *command],
        cwd=Path(__file__).parents[2],
        env=environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr == "error: MODEL_DIR: not set; it names an artifact directory\n"


def test_help_teaches_how_to_ask() -> None:
    ended = start("--help")
    assert ended.returncode == 0
    assert "curl http://127.0.0.1:8080/v1/models/NAME:predict" in ended.stdout
