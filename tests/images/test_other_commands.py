"""The image with another command: a task of a job, a worker of a queue, as confined."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from containers.batch.objects import Address, Objects
from rehearsal.account import Account
from rehearsal.emulator import start_emulator
from tests.batch.bucket import put, rows
from tests.images.conftest import Built

pytestmark = pytest.mark.container

# What a task of Fargate is; a job's has no place to write at all.
CONFINED = (
    "--read-only", "--read-only-tmpfs=false", "--cap-drop", "ALL",
    "--security-opt", "no-new-privileges", "--memory", "512m", "--network", "host", "--no-healthcheck",
)  # fmt: skip


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with start_emulator(tmp_path_factory.mktemp("emulator")) as account:
        yield account


def run(
    image: Built, account: Account, home: Path, *command: str
) -> subprocess.CompletedProcess[str]:
    given = account.environment(home)
    told = [f"--env={name}={given[name]}" for name in given if name.startswith("AWS_")]
    return subprocess.run(
        ["podman", "run", "--rm", *CONFINED, *told, image.reference, *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_task_of_a_job_answers_with_no_place_to_write(
    image: Built, account: Account, tmp_path: Path
) -> None:
    objects, bucket = Objects(account.client("s3")), Address("lathe-image", "")
    account.client("s3").create_bucket(Bucket=bucket.bucket)
    put(objects, bucket / "in", b'{"id": "a", "text": "thanks"}\n""\n')
    command = (
        "python",
        "-m",
        "containers.batch",
        f"{bucket / 'in'}",
        f"{bucket / 'out'}",
    )
    ran = run(image, account, tmp_path, *command)
    assert ran.returncode == 0, ran.stderr
    first, second = rows(objects, bucket / "out/answers")
    assert first["id"] == "a"
    assert "label" in first
    assert second["error"] == "instance: empty text"


def test_a_job_without_files_says_what_it_wants(
    image: Built, account: Account, tmp_path: Path
) -> None:
    ran = run(image, account, tmp_path, "python", "-m", "containers.batch", "--help")
    assert (ran.returncode, ran.stdout[:6]) == (0, "usage:")


def test_a_worker_of_a_queue_says_what_it_was_not_told(
    image: Built, account: Account, tmp_path: Path
) -> None:
    ran = run(image, account, tmp_path, "python", "-m", "containers.queued", "worker")
    assert (ran.returncode, ran.stderr) == (2, "error: BUCKET: is not set\n")
