"""Who is told that a submission has ended, and who is never called."""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from containers.queued.messages import DeadLetters, Heartbeat
from containers.queued.notices import ATTEMPTS, Notices
from containers.queued.settlement import Held, Settlement
from containers.queued.submission import Outcome, read_submission
from tests.queued.place import MODEL, Place

DONE = Outcome("0" * 40, "done", {"predictions": [{"label": "private"}]})


class Hook(HTTPServer):
    """A webhook on loopback: what it was sent, and the statuses that it answers with."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses = [204]
        self.said: list[dict[str, Any]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        self.server.said.append(json.loads(self.rfile.read(size)))
        statuses = self.server.statuses
        self.send_response(statuses.pop(0) if len(statuses) > 1 else statuses[0])
        self.send_header("Location", "https://elsewhere.example/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing: pytest shows what matters."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """One that this machine made for itself, a moment ago."""
    folder = tmp_path_factory.mktemp("certificate")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    made = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1"
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(
        ["openssl", *made.split(), *files, *name], check=True, capture_output=True
    )
    return certificate, key


@pytest.fixture
def hook(certificate: tuple[Path, Path]) -> Iterator[Hook]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    hook = Hook()
    hook.socket = context.wrap_socket(hook.socket, server_side=True)
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    yield hook
    hook.shutdown()
    hook.server_close()


def trusting(certificate: tuple[Path, Path], **options: Any) -> Notices:
    context = ssl.create_default_context(cafile=str(certificate[0]))
    return Notices(MODEL, context=context, **options)


def address(hook: Hook) -> str:
    return f"https://localhost:{hook.server_port}/told?by=us"


def test_a_webhook_is_told_id_and_state_and_nothing_else(
    hook: Hook, certificate: tuple[Path, Path]
) -> None:
    trusting(certificate, anywhere=True).tell(DONE, address(hook))
    assert hook.said == [{"id": DONE.id, "state": "done", "model": MODEL}]


@pytest.mark.parametrize(
    ("statuses", "calls"),
    [([503, 429, 200], 3), ([500], ATTEMPTS), ([302], 1), ([404], 1)],
)
def test_a_webhook_is_asked_again_where_that_may_help(
    hook: Hook, certificate: tuple[Path, Path], statuses: list[int], calls: int
) -> None:
    hook.statuses = statuses
    trusting(certificate, anywhere=True).tell(DONE, address(hook))
    assert len(hook.said) == calls


def test_a_private_address_is_never_called(
    hook: Hook, certificate: tuple[Path, Path]
) -> None:
    trusting(certificate).tell(DONE, address(hook))
    assert hook.said == []


@pytest.mark.parametrize(
    "host",
    ["169.254.169.254", "10.0.0.1", "[::1]", "[::ffff:10.0.0.1]", "0.0.0.0"],
)
def test_addresses_of_machines_inside_are_never_called(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.create_connection", lambda *_: pytest.fail("called"))
    Notices(MODEL).tell(DONE, f"https://{host}/latest/meta-data")


def test_a_webhook_with_a_certificate_that_nobody_vouches_for_is_not_told(
    hook: Hook,
) -> None:
    Notices(MODEL, anywhere=True).tell(DONE, address(hook))
    assert hook.said == []


def test_a_topic_is_told(place: Place) -> None:
    topic = place.account.client("sns").create_topic(Name="ended")["TopicArn"]
    listener = place.sqs.create_queue(QueueName="listener")["QueueUrl"]
    arn = place.sqs.get_queue_attributes(QueueUrl=listener, AttributeNames=["QueueArn"])
    place.account.client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=arn["Attributes"]["QueueArn"]
    )
    sns = place.account.client("sns")
    Notices(MODEL, sns=sns, topic_arn=topic).tell(DONE, None)
    (message,) = place.queue(listener).receive(wait_seconds=5)
    told = json.loads(json.loads(message.body)["Message"])
    assert told == {"id": DONE.id, "state": "done", "model": MODEL}


def test_an_outcome_that_a_killed_worker_wrote_is_told_by_the_next(
    place: Place, hook: Hook, certificate: tuple[Path, Path]
) -> None:
    """At least once: told before the message is deleted, by whoever deletes it."""
    id_ = place.submit("a", webhook=address(hook))
    place.store.settle(Outcome(id_, "done", {"predictions": []}))
    queue = place.queue(place.settings.queue_url)
    with closing(Heartbeat(queue)) as heartbeat:
        settlement = Settlement(
            queue,
            heartbeat,
            store=place.store,
            dead_letters=DeadLetters(place.sqs, place.settings.dead_letters_url),
            notices=trusting(certificate, anywhere=True),
        )
        (message,) = queue.receive()
        held = Held(message, read_submission(message.body))
        late = Outcome(id_, "failed", {"error": "late"})
        assert settlement.settle([(held, late)])
    assert [each["state"] for each in hook.said] == ["done"]
    assert place.is_empty()


def test_a_topic_that_is_not_there_costs_no_answer(place: Place) -> None:
    arn = "arn:aws:sns:us-east-1:123456789012:nobody"
    Notices(MODEL, sns=place.account.client("sns"), topic_arn=arn).tell(DONE, None)
