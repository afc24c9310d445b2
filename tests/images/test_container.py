"""The image, run as a task would run it: no rights, nothing to write, little room."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from images.running import Container, running
from manifest import Manifest, read_manifest
from stacks.runtimes import SERVERS
from tests.images.conftest import ROOT, Built, bake

pytestmark = pytest.mark.container

TEXT = "my order never came and nobody answers the phone"
STOP_SECONDS = SERVERS["flask"].stop_seconds
READY_CPU_SECONDS = 1.25  # which a quarter of a core gives in 5 s


def predict(container: Container, tiny: Manifest) -> tuple[int, object]:
    path = f"/v1/models/{tiny.name}:predict"
    status, answer = container.ask(path, {"instances": [TEXT]})
    return status, answer["predictions"] if status == 200 else answer


@pytest.fixture(scope="module")
def expected(server: Container, tiny: Manifest) -> object:
    """What half a core answers; that it is right, test_http.py knows."""
    status, predictions = predict(server, tiny)
    assert status == 200
    return predictions


@pytest.mark.parametrize("vcpu", [0.25, 0.5, 1, 2])
def test_it_answers_the_same_in_every_size_of_task(
    image: Built, tiny: Manifest, expected: object, vcpu: float
) -> None:
    with running("podman", image.reference, vcpu=vcpu, memory_mib=512) as container:
        container.wait_ready()
        assert container.cpu_seconds() < READY_CPU_SECONDS
        assert predict(container, tiny) == (200, expected)
        assert container.resident_mib() < 200


def test_no_rights_no_new_ones_and_not_root(server: Container) -> None:
    for process in server.processes():
        status = Path(f"/proc/{process}/status").read_text()
        fields = dict(
            line.split(":\t", 1) for line in status.splitlines() if "\t" in line
        )
        assert fields["Uid"].split() == ["10001"] * 4
        assert fields["CapEff"] == fields["CapPrm"] == fields["CapBnd"] == "0" * 16
        assert fields["NoNewPrivs"] == "1"


def test_threads_follow_the_quota_and_not_the_host(server: Container) -> None:
    """Seen from inside: the engine's threads are made from this number."""
    count = (
        "from containers.flask.cores import usable_cores as u; raise SystemExit(u())"
    )
    assert server.execute("python", "-c", count) == 1


@pytest.mark.skipif(
    len(os.sched_getaffinity(0)) < 2, reason="one core, no quota under it"
)
def test_two_cores_are_two_threads(image: Built) -> None:
    count = (
        "from containers.flask.cores import usable_cores as u; raise SystemExit(u())"
    )
    with running("podman", image.reference, vcpu=2) as container:
        assert container.execute("python", "-c", count) == 2


@pytest.mark.parametrize("command", ["sh", "bash", "/bin/sh", "pip", "apt-get", "perl"])
def test_there_is_nothing_to_run_but_python(server: Container, command: str) -> None:
    assert server.execute(command, "--version") > 125


def test_nothing_can_be_written_but_in_tmp(server: Container) -> None:
    for folder in ("/", "/srv", "/model", "/packages", "/etc"):
        assert server.execute("python", "-c", f"open('{folder}/x', 'w')") == 1, folder
    assert server.execute("python", "-c", "open('/tmp/x', 'w')") == 0


def test_it_writes_nothing_where_it_may(image: Built, tiny: Manifest) -> None:
    with running("podman", image.reference, options=()) as container:
        container.wait_ready()
        assert predict(container, tiny)[0] == 200
        changed = json.loads(
            subprocess.check_output(
                ["podman", "diff", "--format", "json", container.id], text=True
            )
        )
    assert not [
        path
        for path in changed.get("added", [])
        if path.startswith(("/srv", "/model", "/packages", "/usr"))
    ]


def test_the_health_check_follows_the_server(image: Built) -> None:
    inspected = subprocess.check_output(["podman", "image", "inspect", image.reference])
    (found,) = json.loads(inspected)
    kind, *command = found["Healthcheck"]["Test"]
    assert kind == "CMD"
    with running("podman", image.reference) as container:
        container.wait_ready()
        assert container.execute(*command) == 0
        worker = container.processes()[1]
        os.kill(worker, signal.SIGSTOP)
        assert container.execute(*command) == 1
        os.kill(worker, signal.SIGCONT)


def test_sigterm_answers_what_was_accepted_and_exits_with_0(
    image: Built, tiny: Manifest
) -> None:
    with running("podman", image.reference, vcpu=0.5) as container:
        container.wait_ready()
        outcomes: list[int] = []

        def press() -> None:
            while not outcomes or outcomes[-1] == 200:
                outcomes.append(predict(container, tiny)[0])

        client = threading.Thread(target=press)
        client.start()
        time.sleep(0.5)
        container.stop(STOP_SECONDS)
        client.join(30)
        assert container.state()["ExitCode"] == 0
        assert outcomes.count(200) > 1
        assert outcomes[-1] in (0, 503)  # refused, once it was told to stop


def test_a_killed_worker_is_replaced(image: Built, tiny: Manifest) -> None:
    with running("podman", image.reference) as container:
        container.wait_ready()
        _, worker = container.processes()
        os.kill(worker, signal.SIGKILL)
        until = time.monotonic() + 20
        while predict(container, tiny)[0] != 200 and time.monotonic() < until:
            time.sleep(0.1)
        _, replaced = container.processes()
        assert replaced != worker
        assert predict(container, tiny)[0] == 200


def test_an_image_of_the_other_engine_answers_too(stand_in: str) -> None:
    artifact = ROOT / "tests/containers/tiny_openvino"
    reference = bake(ROOT, artifact, stand_in)["reference"]
    with running("podman", reference, vcpu=0.5) as container:
        container.wait_ready()
        status, predictions = predict(
            container, read_manifest(artifact / "manifest.json")
        )
    assert status == 200, predictions


def test_a_model_that_is_not_what_was_built_does_not_start(image: Built) -> None:
    wrong = {"MODEL_DIR": "/srv"}
    with running("podman", image.reference, environment=wrong) as container:
        until = time.monotonic() + 20
        while container.state()["Running"] and time.monotonic() < until:
            time.sleep(0.1)
        assert container.state()["ExitCode"] == 2
        assert "error: /srv/manifest.json: no such file" in container.log()
