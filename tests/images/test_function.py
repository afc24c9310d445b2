"""The image of a function: the server's, asked as the web adapter asks, as confined."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.web_adapter import WebAdapter, event
from images.running import FULL_CORE_MB, SANDBOX, Container, running
from manifest import Manifest
from tests.images.conftest import ROOT, TINY, Built

pytestmark = pytest.mark.container

STAND_IN = b"where no registry can be reached, this is the adapter's place\n"
ADAPTER = "localhost/lathe/adapter:stand-in"


@pytest.fixture(scope="module")
def function(
    image: Built, stand_in: str, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """The function's image, of the flask image that other tests have had baked."""
    archive = tmp_path_factory.mktemp("adapter") / "adapter.tar"
    with tarfile.open(archive, "w") as tar:
        program = tarfile.TarInfo("lambda-adapter")
        program.size, program.mode = len(STAND_IN), 0o755
        tar.addfile(program, io.BytesIO(STAND_IN))
    subprocess.run(
        ["podman", "import", "--quiet", str(archive), ADAPTER],
        stdout=subprocess.DEVNULL,
        check=True,
    )
    command = [
        sys.executable,
        "-m",
        "images",
        str(TINY),
        "--engine",
        "podman",
        "--json",
    ]
    done = subprocess.run(
        [*command, "--base", stand_in, "--function", "--adapter", ADAPTER],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    served, made = json.loads(done.stdout)
    assert served["reference"] == image.reference
    assert made["reference"] == f"{image.reference}-function"
    assert made["base"] == image.reference
    assert made["layers"][:-1] == served["layers"]
    return str(made["reference"])


def environment(reference: str) -> dict[str, str]:
    said = subprocess.check_output(["podman", "image", "inspect", reference])
    pairs = json.loads(said)[0]["Config"]["Env"]
    return dict(pair.split("=", 1) for pair in pairs)


@pytest.fixture(scope="module")
def sandbox(function: str) -> Iterator[Container]:
    """The function at half a gigabyte, in a sandbox like Lambda's."""
    with running(
        "podman",
        function,
        vcpu=512 / FULL_CORE_MB,
        memory_mib=512,
        options=SANDBOX,
    ) as container:
        yield container


@pytest.fixture(scope="module")
def adapter(function: str, sandbox: Container) -> WebAdapter:
    told = {**environment(function), "AWS_LWA_PORT": str(sandbox.port)}
    adapter = WebAdapter.of(told)
    adapter.wait_ready()
    return adapter


def predict(tiny: Manifest, *texts: str) -> Any:
    body = json.dumps({"instances": texts}).encode()
    return event("POST", f"/v1/models/{tiny.name}:predict", body)


def test_the_adapter_is_there_and_may_be_run(function: str) -> None:
    mounted = subprocess.check_output(
        ["podman", "image", "mount", function], text=True
    ).strip()
    try:
        program = Path(mounted) / "opt/extensions/lambda-adapter"
        assert program.read_bytes() == STAND_IN
        assert program.stat().st_mode & 0o111 == 0o111
    finally:
        subprocess.run(
            ["podman", "image", "unmount", function],
            stdout=subprocess.DEVNULL,
            check=True,
        )


def test_the_adapter_and_the_server_agree_on_a_port(function: str) -> None:
    told = environment(function)
    assert told["AWS_LWA_PORT"] == told["PORT"] == "8080"
    assert told["SERVER_HOST"] == "127.0.0.1"


def test_a_function_that_was_frozen_for_long_is_not_killed(function: str) -> None:
    """What it does is tests/containers/test_server.py's: a frozen function."""
    assert environment(function)["GUNICORN_CMD_ARGS"] == "--timeout=0"


def test_a_function_answers_as_the_server_does(
    adapter: WebAdapter, sandbox: Container, tiny: Manifest
) -> None:
    answered = adapter.invoke(predict(tiny, "thank you", "it never came"))
    assert answered["statusCode"] == 200
    assert not answered["isBase64Encoded"]
    _, served = sandbox.ask(
        f"/v1/models/{tiny.name}:predict", {"instances": ["thank you", "it never came"]}
    )
    assert json.loads(answered["body"])["predictions"] == served["predictions"]


def test_a_function_is_not_ready_before_its_model_is(adapter: WebAdapter) -> None:
    assert adapter.ready_path == "/v2/health/ready"
    assert adapter.healthy == {200}


def test_a_refusal_reaches_the_caller_as_it_is(
    adapter: WebAdapter, tiny: Manifest
) -> None:
    answered = adapter.invoke(
        event("POST", f"/v1/models/{tiny.name}:predict", b'{"instances": [""]}')
    )
    assert answered["statusCode"] == 400
    assert "empty text" in json.loads(answered["body"])["error"]
