"""The function that ECS asks, over a real server and a real S3 interface on loopback."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.server import free_port, litert_command, serve
from manifest import read_manifest
from rehearsal.account import REGION, Account
from rehearsal.emulator import start_emulator
from stacks.functions.check.handler import (
    CALL_AGAIN_SECONDS,
    CALLS,
    Answer,
    alike,
    handle,
)
from tests.containers.conftest import TINY

pytestmark = pytest.mark.server

BUCKET = "lathe-artifacts-123456789012-us-east-1"
MANIFEST = read_manifest(TINY / "manifest.json")
RELEASE = {"model": MANIFEST.name, "version": MANIFEST.version, "runtime": "flask"}
TEXTS = ("My order never came", "thank you 😀", "ok", "where is my bag?", "!", "ü" * 99)

Ask = Callable[..., dict[str, Any]]
Put = Callable[[Any], None]


@pytest.fixture(scope="module")
def answers() -> list[dict[str, Any]]:
    """What a build records: the artifact asked in process, not through its server."""
    from containers.flask.predictor import load_predictor

    return [dict(each) for each in load_predictor(MANIFEST, TINY).predict(TEXTS)]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serve(litert_command(TINY, python=Path(sys.executable))) as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with start_emulator(tmp_path_factory.mktemp("emulator")) as account:
        account.client("s3").create_bucket(Bucket=BUCKET)
        yield account


@pytest.fixture
def put(account: Account, answers: list[dict[str, Any]]) -> Put:
    """Publish a sample; that of the build is there before each test."""

    def put(sample: Any, version: str = MANIFEST.version) -> None:
        key = f"releases/{MANIFEST.name}/{version}/sample.json"
        body = sample if isinstance(sample, bytes) else json.dumps(sample).encode()
        account.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)

    put(sample_of(answers))
    return put


def sample_of(answers: list[dict[str, Any]], runtime: str = "flask") -> dict[str, Any]:
    return {"schema": 1, "instances": TEXTS, "answers": {runtime: answers}}


@pytest.fixture
def ask(account: Account, put: Put, url: str, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Call the function as Lambda does, in the environment that the stack gives it."""

    def ask(event: dict[str, Any] | None = None, url: str = url) -> dict[str, Any]:
        environment = {
            "BUCKET": BUCKET,
            "REGION": REGION,
            "RELEASE": json.dumps(RELEASE),
            "TOLERANCE": "0.02",
            "URL": url,
            "AWS_ENDPOINT_URL_S3": account.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return handle(event or {}, None)

    return ask


def hook(details: Any = None) -> dict[str, Any]:
    """What ECS sends, as its developer guide has it."""
    service = "arn:aws:ecs:us-west-2:123456789012:service/my-cluster/my-service"
    event = {
        "executionId": "3a0345ba-b029-404b-890d-7da2a4b266aa",
        "lifecycleStage": "POST_TEST_TRAFFIC_SHIFT",
        "executionDetails": {"serviceArn": service, "testTrafficWeights": {}},
    }
    return event if details is None else {**event, "hookDetails": details}


@contextmanager
def saying(status: int, body: bytes) -> Iterator[str]:
    """A server that answers the same to everything."""

    class Parrot(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Parrot) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_release_that_was_built_is_let_through(
    ask: Ask, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(hook(RELEASE)) == {"hookStatus": "SUCCEEDED"}
    printed = capsys.readouterr().out
    assert f"SUCCEEDED: {MANIFEST.image_tag}: 6 of 6 as at build" in printed


def test_who_calls_by_hand_is_told_why(ask: Ask) -> None:
    verdict = ask({})
    assert verdict["hookStatus"] == "SUCCEEDED"
    assert "6 of 6" in verdict["why"]


@pytest.mark.parametrize("change", ["another label", "another score"])
def test_a_model_that_answers_otherwise_is_taken_back(
    ask: Ask,
    put: Put,
    answers: list[dict[str, Any]],
    change: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sure = max(range(len(answers)), key=lambda n: answers[n]["score"])
    changed = [dict(each) for each in answers]
    if change == "another label":
        changed[sure] = {"label": "other", "score": 0.9}
    else:
        changed[sure]["score"] -= 0.03
    put(sample_of(changed))
    assert ask(hook(RELEASE)) == {"hookStatus": "FAILED"}
    printed = capsys.readouterr().out
    assert f"1 of 6 differ by over 0.02: text {sure + 1}: " in printed
    assert not any(text in printed for text in TEXTS if len(text) > 2)


def test_a_difference_within_the_tolerance_is_let_through(
    ask: Ask, put: Put, answers: list[dict[str, Any]]
) -> None:
    put(sample_of([{**each, "score": each["score"] - 0.015} for each in answers]))
    assert ask(hook(RELEASE)) == {"hookStatus": "SUCCEEDED"}


def test_the_service_says_which_release_it_deploys(
    ask: Ask, put: Put, answers: list[dict[str, Any]]
) -> None:
    """Whatever the function was told: it is updated before the service or after."""
    other = {**RELEASE, "version": "000000000000"}
    put(sample_of(answers), version="000000000000")
    verdict = ask(hook(json.dumps(other)))  # as CloudFormation takes it
    assert verdict["hookStatus"] == "IN_PROGRESS"  # the one before answers so far
    assert verdict["hookDetails"]["version"] == "000000000000"
    assert ask(hook(RELEASE)) == {"hookStatus": "SUCCEEDED"}


def test_a_server_that_is_down_is_waited_for_and_then_given_up(
    ask: Ask, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    details: dict[str, Any] = dict(RELEASE)
    verdicts: list[dict[str, Any]] = []
    for _ in range(2 * CALLS):
        verdicts.append(ask(hook(details), url=nobody))
        if verdicts[-1]["hookStatus"] != "IN_PROGRESS":
            break
        details |= verdicts[-1]["hookDetails"]  # ECS hands them back
    assert len(verdicts) == CALLS
    assert verdicts[-1] == {"hookStatus": "FAILED"}
    assert verdicts[0]["callBackDelay"] == CALL_AGAIN_SECONDS
    assert f"call {CALLS} of {CALLS}: {nobody}: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (503, b"", "IN_PROGRESS"),  # a load balancer without healthy tasks
        (429, b"busy", "IN_PROGRESS"),
        (404, b"", "FAILED"),  # no such model
        (500, b"boom", "FAILED"),
        (200, b"\xff\x00", "FAILED"),
        (200, b"[]", "FAILED"),
        (200, b"{}", "FAILED"),
        (200, b'{"predictions": []}', "FAILED"),
        (200, b'{"predictions": [{"label": "ok"}]}', "FAILED"),
        (200, b'{"predictions": [{"label": "ok", "score": NaN}]}', "FAILED"),
    ],
)
def test_what_is_no_answer_is_not_let_through(
    ask: Ask, status: int, body: bytes, expected: str
) -> None:
    with saying(status, body) as url:
        assert ask(hook(RELEASE), url=url)["hookStatus"] == expected


def test_tf_serving_is_held_to_its_own_answers_and_need_not_say_who_it_is(
    ask: Ask, put: Put
) -> None:
    put(sample_of([{"label": "ok", "score": 0.7}] * len(TEXTS), "tf_serving"))
    with saying(200, b'{"predictions": [{"label": "ok", "score": 0.7}]}') as url:
        release = {**RELEASE, "runtime": "tf_serving"}
        assert ask(hook(release), url=url) == {"hookStatus": "SUCCEEDED"}
        assert ask(hook(RELEASE), url=url) == {"hookStatus": "FAILED"}


@pytest.mark.parametrize(
    "sample",
    [
        b"{",
        b"[]",
        {"schema": 2, "instances": [], "answers": {}},
        {"schema": 1, "instances": [], "answers": {"flask": []}},
        {"schema": 1, "instances": ["a"], "answers": {"flask": []}},
        {"schema": 1, "instances": ["a"], "answers": {"tf_serving": []}},
        {"schema": 1, "instances": ["a"], "answers": {"flask": [{"label": "a"}]}},
    ],
)
def test_a_damaged_sample_lets_nothing_through(ask: Ask, put: Put, sample: Any) -> None:
    put(sample)
    verdict = ask({})
    assert verdict["hookStatus"] == "FAILED"
    assert f"s3://{BUCKET}/releases/{MANIFEST.name}/" in verdict["why"]


def test_a_release_without_a_sample_is_not_let_through(ask: Ask) -> None:
    verdict = ask({"hookDetails": {**RELEASE, "version": "111111111111"}})
    assert verdict["hookStatus"] == "FAILED"
    assert "NoSuchKey" in verdict["why"]


def test_a_bucket_out_of_reach_is_tried_again(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask(hook(RELEASE)) == {"hookStatus": "SUCCEEDED"}
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{free_port()}")
    assert handle(hook(RELEASE), None)["hookStatus"] == "IN_PROGRESS"


Shares = st.lists(st.floats(0.001, 1), min_size=2, max_size=5)


@given(Shares, st.data(), st.floats(0, 0.2))
def test_no_answer_within_the_tolerance_is_refused(
    weights: list[float], data: st.DataObject, tolerance: float
) -> None:
    """However near two labels are, and whichever comes out on top."""
    built = [weight / sum(weights) for weight in weights]
    half = tolerance / 2
    n = len(built)
    moves = data.draw(st.lists(st.floats(-half, half), min_size=n, max_size=n))
    mean = sum(moves) / n  # probabilities still add up to one
    served = [max(0.0, p + m - mean) for p, m in zip(built, moves, strict=True)]
    answers = [
        Answer(str(shares.index(max(shares))), max(shares))
        for shares in (built, served)
    ]
    assert alike(*answers, tolerance + 1e-9)


def test_a_label_that_was_not_nearly_tied_is_another_answer() -> None:
    assert not alike(Answer("a", 0.6), Answer("b", 0.6), 0.02)
    assert alike(Answer("a", 0.505), Answer("b", 0.505), 0.02)
    assert not alike(Answer("a", 0.45), Answer("b", 0.42), 0.02)
