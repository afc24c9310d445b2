"""python -m containers.queued: a real process on the real queues, and what it refuses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from containers.flask.artifact import StartError
from containers.flask.predictor import Predictor
from containers.queued.messages import DeadLetters, Message
from containers.queued.settings import Settings, read_settings
from containers.queued.submission import Outcome
from tests.containers.conftest import TINY
from tests.queued.place import Place, until

ROOT = Path(__file__).parents[2]
GIVEN = {
    "BUCKET": "bucket",
    "QUEUE_URL": "https://items",
    "REFERENCES_URL": "https://references",
    "DEAD_LETTERS_URL": "https://dead",
}


def environment(place: Place, home: Path) -> dict[str, str]:
    settings = place.settings
    return {
        **place.account.environment(home),
        "MODEL_DIR": str(TINY),
        "BUCKET": settings.bucket,
        "QUEUE_URL": settings.queue_url,
        "REFERENCES_URL": settings.references_url,
        "DEAD_LETTERS_URL": settings.dead_letters_url,
        "VISIBILITY_SECONDS": "2",
    }


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "containers.queued", *arguments]


def run(
    *arguments: str, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), cwd=ROOT, env=environment, capture_output=True, text=True
    )


def test_a_worker_answers_and_ends_at_sigterm(
    place: Place, predictor: Predictor, tmp_path: Path
) -> None:
    id_ = place.submit("my order never came")
    with subprocess.Popen(
        command("worker"),
        cwd=ROOT,
        env=environment(place, tmp_path),
        stdout=subprocess.PIPE,
        text=True,
    ) as worker:
        told = place.outcome(id_)
        until(place.is_empty)
        worker.send_signal(signal.SIGTERM)
        said, _ = worker.communicate()
    assert told["predictions"] == predictor.predict(["my order never came"])
    assert worker.returncode == 0
    assert '"message":"ready"' in said
    assert '"message":"stopped"' in said
    assert "order" not in said, "no text that a client sent is logged"


def test_redrive_has_what_failed_answered_after_all(
    place: Place, predictor: Predictor, tmp_path: Path
) -> None:
    """A failure is forgotten, an answer never is; what nobody can read stays."""
    failed, done = place.submit("failed"), place.submit("done")
    dead = DeadLetters(place.sqs, place.settings.dead_letters_url)
    queue = place.queue(place.settings.queue_url)
    for message in queue.receive():
        dead.bury(message, "why")
        queue.delete([message])
    dead.bury(Message("", "{", 1), "unreadable")
    place.store.settle(Outcome(failed, "failed", {"error": "why"}))
    place.store.settle(Outcome(done, "done", {"predictions": ["as it was"]}))
    assert place.told(failed)["state"] == "failed"
    ran = run("redrive", environment=environment(place, tmp_path))
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines() == [
        "sent back: 1 items, 0 references",
        "answered meanwhile: 1",
        "unreadable, and left: 1",
    ]
    assert place.told(failed)["state"] == "pending"
    worker = place.start()
    assert place.outcome(failed)["predictions"] == predictor.predict(["failed"])
    assert place.outcome(done)["predictions"] == ["as it was"]
    worker.terminate()
    worker.join()
    assert place.left(place.settings.dead_letters_url) == 1


@pytest.mark.parametrize("missing", [*GIVEN, "MODEL_DIR"])
def test_a_worker_that_is_not_told_where_says_one_line(missing: str) -> None:
    given = {**os.environ, **GIVEN, "MODEL_DIR": str(TINY)}
    del given[missing]
    if missing == "MODEL_DIR":
        ran = run("worker", environment=given)
        assert (ran.returncode, ran.stderr) == (2, "error: MODEL_DIR: is not set\n")
        return
    with pytest.raises(StartError, match=f"{missing}: is not set"):
        read_settings(given)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VISIBILITY_SECONDS", "0"),
        ("VISIBILITY_SECONDS", "43201"),
        ("VISIBILITY_SECONDS", "a minute"),
        ("WEBHOOKS_ANYWHERE", "yes"),
    ],
)
def test_a_setting_out_of_bounds_is_named(name: str, value: str) -> None:
    with pytest.raises(StartError, match=f"{name}: '{value}' is not"):
        read_settings({**GIVEN, name: value})


def test_settings_are_what_the_environment_says() -> None:
    assert read_settings(GIVEN) == Settings(*GIVEN.values())
    assert read_settings({**GIVEN, "TOPIC_ARN": "arn"}).topic_arn == "arn"


def test_help_names_every_setting() -> None:
    ran = run("--help", environment=os.environ)
    for name in (*GIVEN, "MODEL_DIR", "TOPIC_ARN", "VISIBILITY_SECONDS", "redrive"):
        assert name in ran.stdout
