"""What a real server says besides predictions: protocols, documents, metrics, its log."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from prometheus_client.parser import text_string_to_metric_families

from bench.server import ROOT, Server, free_port, litert_command, serve
from containers.flask.emf import UNITS
from containers.flask.openapi import MAX_TIMEOUT_MS as DOCUMENTED_TIMEOUT_MS
from containers.flask.service import MAX_TIMEOUT_MS
from manifest import Manifest
from tests.containers.conftest import TINY, TINY_QA

pytestmark = pytest.mark.server

NAME = "tiny-sentiment"
PREDICT = f"/v1/models/{NAME}:predict"
INFER = f"/v2/models/{NAME}/infer"
SECRET = "my secret letter"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    command = litert_command(TINY, python=Path(sys.executable))
    with serve(command, environment={"LOG_REQUESTS": "none"}) as running:
        yield running


def ask(
    port: int,
    method: str,
    path: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    sent = None if body is None else json.dumps(body)
    connection.request(method, path, sent, headers or {})
    response = connection.getresponse()
    return response, response.read()


def infer(*texts: str, **others: Any) -> dict[str, Any]:
    tensor = {"name": "text", "shape": [len(texts)], "datatype": "BYTES"}
    return {"inputs": [{**tensor, "data": list(texts)}], **others}


@pytest.fixture(scope="module")
def document(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ask(server.port, "GET", "/openapi.json")[1])
    return found


def test_both_protocols_say_the_same(server: Server, tiny_manifest: Manifest) -> None:
    texts = ["My order never came", "thank you 😀", "ok"]
    _, plain = ask(server.port, "POST", PREDICT, {"instances": texts})
    predictions = json.loads(plain)["predictions"]
    version = f"/v2/models/{NAME}/versions/{tiny_manifest.version}/infer"
    for path in (INFER, version):
        response, body = ask(server.port, "POST", path, infer(*texts, id="a-1"))
        answer = json.loads(body)
        assert response.status == 200, answer
        assert answer["id"] == "a-1"
        assert answer["model_version"] == tiny_manifest.version
        columns = {each["name"]: each["data"] for each in answer["outputs"]}
        assert columns["label"] == [each["label"] for each in predictions]
        assert columns["score"] == [each["score"] for each in predictions]


def test_questions_are_answered_in_both_protocols_as_documented() -> None:
    command = litert_command(TINY_QA, python=Path(sys.executable))
    question = {"question": "When?", "context": "My order came on Sunday, in the rain."}
    tensors = [
        {"name": name, "shape": [1], "datatype": "BYTES", "data": [text]}
        for name, text in question.items()
    ]
    with serve(command) as server:
        document = json.loads(ask(server.port, "GET", "/openapi.json")[1])
        model = "tiny-questions"
        plain, infer_ = (
            json.loads(ask(server.port, "POST", path, body)[1])
            for path, body in (
                (f"/v1/models/{model}:predict", {"instances": [question]}),
                (f"/v2/models/{model}/infer", {"inputs": tensors}),
            )
        )
    for name, answer in (("PredictResponse", plain), ("InferResponse", infer_)):
        root = {"$ref": f"#/components/schemas/{name}"}
        schema = {**root, "components": document["components"]}
        Draft202012Validator(schema).validate(answer)
    (said,) = plain["predictions"]
    assert question["context"][said["start"] : said["end"]] == said["answer"]
    assert {each["name"]: each["data"][0] for each in infer_["outputs"]} == said


def test_a_bad_tensor_is_told_where_it_is_wrong(server: Server) -> None:
    response, body = ask(server.port, "POST", INFER, infer("a", " "))
    assert response.status == 400
    assert json.loads(body)["error"] == "inputs[0].data[1]: empty text"


def test_every_documented_path_answers_as_documented(
    server: Server, document: dict[str, Any]
) -> None:
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            media = operation.get("requestBody", {}).get("content", {})
            example = media.get("application/json", {}).get("example")
            response, body = ask(server.port, verb.upper(), path, example)
            assert response.status == 200, (path, body)
            described = operation["responses"]["200"]["content"]
            ((kind, content),) = described.items()
            assert response.headers["Content-Type"].startswith(kind), path
            assert response.headers["X-Request-Id"]
            if kind == "application/json":
                schema = {**content["schema"], "components": document["components"]}
                Draft202012Validator(schema).validate(json.loads(body))


def test_errors_are_as_documented(server: Server, document: dict[str, Any]) -> None:
    schema = {
        "$ref": "#/components/schemas/Error",
        "components": document["components"],
    }
    for status, method, path, body, headers in (
        (400, "POST", PREDICT, {"instances": 1}, {}),
        (400, "POST", PREDICT, {"instances": ["a"]}, {"X-Request-Timeout-Ms": "soon"}),
        (400, "POST", PREDICT, None, {"X-Request-Timeout-Ms": "1" * 5000}),
        (400, "POST", PREDICT, None, {"X-Request-Timeout-Ms": f"{1:09}" * 600}),
        (404, "GET", "/v2/models/other", None, {}),
        (404, "GET", f"/v2/models/{NAME}/versions/0", None, {}),
        (405, "GET", PREDICT, None, {}),
        (405, "POST", "/metrics", None, {}),
        (413, "POST", INFER, infer("a" * 300_000), {}),
        (431, "GET", "/v2", None, {"X-Long": "a" * 20_000}),
    ):
        response, answer = ask(server.port, method, path, body, headers)
        assert response.status == status, (path, answer)
        Draft202012Validator(schema).validate(json.loads(answer))
    assert DOCUMENTED_TIMEOUT_MS == MAX_TIMEOUT_MS


def test_a_request_id_is_kept_or_made(server: Server) -> None:
    given = {"X-Request-Id": "caller-7"}
    response, _ = ask(server.port, "POST", PREDICT, {"instances": ["a"]}, given)
    assert response.headers["X-Request-Id"] == "caller-7"
    trace = {"X-Amzn-Trace-Id": "Root=1-67891233-abcdef012345678912345678"}
    response, _ = ask(server.port, "GET", "/v2", headers=trace)
    assert response.headers["X-Request-Id"] == trace["X-Amzn-Trace-Id"]


def test_metrics_count_what_was_asked(server: Server, tiny_manifest: Manifest) -> None:
    def counted() -> dict[tuple[str, str], float]:
        _, body = ask(server.port, "GET", "/metrics")
        return {
            (sample.name, sample.labels.get("route", sample.labels.get("kind", ""))): (
                sample.value
            )
            for family in text_string_to_metric_families(body.decode())
            for sample in family.samples
            if sample.labels.get("model_version") == tiny_manifest.version
            and sample.labels.get("status", "200") == "200"
        }

    before = counted()
    text = f"never asked before {time.monotonic_ns()}"
    for path, body in ((PREDICT, {"instances": [text]}), (INFER, infer(text))):
        assert ask(server.port, "POST", path, body)[0].status == 200
    after = counted()
    grown = {key: value - before.get(key, 0) for key, value in after.items()}
    assert grown["lathe_requests_total", "predict"] == 1
    assert grown["lathe_requests_total", "infer"] == 1
    assert grown["lathe_request_seconds_sum", "predict"] > 0
    assert grown["lathe_cache_hits_total", ""] == 1
    assert grown["lathe_cache_misses_total", ""] == 1
    assert grown["lathe_batch_rows_count", ""] == 1
    assert grown["lathe_tokens_total", "text"] > 2
    assert grown["lathe_engine_seconds_total", ""] > 0
    assert after["lathe_ready", ""] == 1
    assert after["lathe_cache_entries", ""] >= 1
    assert after["lathe_queue_rows", ""] == 0
    assert after["lathe_requests_in_flight", ""] >= 1  # this one


@contextmanager
def logged(**environment: str) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """A server whose standard output is read; it is asked a few things first."""
    port = free_port()
    command = litert_command(TINY, python=Path(sys.executable))
    process = subprocess.Popen(
        [*command, "--port", str(port)],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if '"message":"ready"' in line:
                break
        yield port, process
    finally:
        process.kill()
        process.communicate()


def stopped(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """Stop it; every line that it wrote is JSON."""
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    return [json.loads(line) for line in output.splitlines()]


@pytest.mark.parametrize(
    ("mode", "statuses"), [("all", [200, 400, 404]), ("errors", [400, 404])]
)
def test_the_log_is_json_and_holds_no_text(mode: str, statuses: list[int]) -> None:
    with logged(LOG_REQUESTS=mode) as (port, process):
        ask(port, "POST", PREDICT, {"instances": [SECRET]}, {"X-Request-Id": "r-1"})
        ask(port, "POST", PREDICT, {"instances": [SECRET, {SECRET: SECRET}]})
        ask(port, "GET", f"/{SECRET.replace(' ', '-')}")
        lines = stopped(process)
    answers = [line for line in lines if line["message"].startswith("answered")]
    assert [line["status"] for line in answers] == statuses
    assert "secret" not in json.dumps(lines)
    for line in lines:
        assert re.fullmatch(r"[\d-]{10}T[\d:]{8}\.\d{3}Z", line["time"])
    if mode == "all":
        assert (answers[0]["request_id"], answers[0]["route"]) == ("r-1", "predict")
        assert answers[0]["bytes_received"] > len(SECRET)
        assert answers[0]["instances"] == 1


def test_no_thread_of_the_master_holds_a_lock_when_it_forks() -> None:
    """It once hung every tenth start: the child inherits locks, not their holders."""
    with logged() as (_, process):
        threads = list(Path(f"/proc/{process.pid}/task").iterdir())
        assert len(threads) == 1
        lines = stopped(process)
    assert "listening" not in [line["message"] for line in lines]


def test_cloudwatch_is_told_the_rest_when_a_server_stops() -> None:
    environment = {"METRICS": "emf", "STAGE": "dev", "ENDPOINT": "support"}
    with logged(**environment) as (port, process):
        for text in ("a", "b", "a"):
            ask(port, "POST", PREDICT, {"instances": [text]})
        lines = stopped(process)
    (line,) = (line for line in lines if "_aws" in line)
    assert (line["stage"], line["endpoint"]) == ("dev", "support")
    told = {each["Name"] for each in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert told == UNITS.keys()
    assert [line[name] for name in ("Requests", "CacheHits", "CacheMisses")] == [
        3,
        1,
        2,
    ]
    assert line["Latency"]["Count"] == 3
    assert line["BatchSize"]["Sum"] == 2


def test_a_setting_that_is_none_ends_the_start_in_one_line() -> None:
    done = subprocess.run(
        [*litert_command(TINY, python=Path(sys.executable)), "--port", "1"],
        cwd=ROOT,
        env={**os.environ, "LOG_REQUESTS": "some"},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 2
    assert "LOG_REQUESTS: 'some' is not one of errors, all, none" in done.stderr
