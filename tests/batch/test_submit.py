"""A job handed to AWS Batch: what is asked of it is what its tasks do."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from batch.__main__ import main
from batch.record import RefusedError
from batch.status import read_state
from batch.submit import Asked, about_lines, follow, submit
from containers.batch.objects import Address, Objects
from manifest import Manifest, Serving
from rehearsal.account import Account
from tests.batch.bucket import put, rows
from tests.batch.conftest import some_lines
from tests.containers.conftest import TINY

NAME = "lathe-dev-reviews"


@pytest.fixture
def asked(objects: Objects, bucket: Address) -> Asked:
    put(objects, bucket / "in", some_lines(300))
    return Asked("reviews", "dev", bucket / "in", bucket / "out")


@pytest.fixture
def client(account: Account, tiny_manifest: Manifest) -> Any:
    """AWS Batch's API, with the definition that a stack makes; it keeps what is asked."""
    client = account.client("batch")
    client.register_job_definition(
        jobDefinitionName=NAME,
        type="container",
        containerProperties={
            "image": "any",
            "resourceRequirements": [
                {"type": "VCPU", "value": "1"},
                {"type": "MEMORY", "value": "2048"},
            ],
            "environment": [
                {"name": "MODEL_NAME", "value": tiny_manifest.name},
                {"name": "MODEL_VERSION", "value": tiny_manifest.version},
            ],
        },
    )
    return client


@pytest.fixture
def sent(client: Any) -> Iterator[list[dict[str, Any]]]:
    found: list[dict[str, Any]] = []

    def keep(params: dict[str, Any], **_: Any) -> None:
        found.append(params)

    client.meta.events.register("provide-client-params.batch.SubmitJob", keep)
    yield found
    client.meta.events.unregister("provide-client-params.batch.SubmitJob", keep)


def released(folder: Path, manifest: Manifest, **changes: Any) -> Path:
    path = folder / "dev" / f"{manifest.name}.json"
    path.parent.mkdir()
    path.write_text(json.dumps(asdict(replace(manifest, **changes))))
    return folder


def test_the_tasks_of_a_job_answer_every_line(
    account: Account,
    client: Any,
    sent: list[dict[str, Any]],
    objects: Objects,
    asked: Asked,
    tmp_path: Path,
) -> None:
    done = submit(client, objects, replace(asked, tasks=3), tmp_path, lambda _: None)
    (request,) = sent
    assert request["jobQueue"] == NAME
    assert "arrayProperties" not in request, "one part, so one task"
    command = request["containerOverrides"]["command"]
    subprocess.run(
        [sys.executable, *command[1:]],
        check=True,
        env={**account.environment(tmp_path), "MODEL_DIR": str(TINY)},
        cwd=Path(__file__).parents[2],
    )
    said: list[str] = []
    state = follow(client, objects, done.id, asked.out, said.append)
    assert state.is_whole
    assert state.lines == 300
    assert len(rows(objects, asked.out / "answers")) == 300
    assert said == [f"succeeded: {state.text}"]


def test_as_many_tasks_as_have_ten_minutes_of_work(
    client: Any,
    sent: list[dict[str, Any]],
    objects: Objects,
    asked: Asked,
    tmp_path: Path,
    tiny_manifest: Manifest,
) -> None:
    line = json.dumps("a text " * 10).encode() + b"\n"
    put(objects, asked.source, line * 599_000)
    serving = Serving(1.0, 240, 2.0, 3.0, 4.0, 200.0, 1, "a test")
    releases = released(tmp_path, tiny_manifest, serving=serving)
    said: list[str] = []
    found = submit(client, objects, asked, releases, said.append).estimate
    assert found.lines == pytest.approx(599_000, rel=0.01)
    assert found.tasks == 5  # 599,000 lines at 200 a second are 2,995 s
    assert sent[0]["arrayProperties"] == {"size": 5}
    assert found.minutes == pytest.approx(10, rel=0.01)
    assert found.dollars == pytest.approx(2995 / 3600 * 0.049, rel=0.1)
    assert "5 tasks: 10.0 minutes once all run, 0.04 dollars on Fargate" in said[0]


def test_a_rate_of_another_version_is_not_reckoned_with(
    client: Any,
    objects: Objects,
    asked: Asked,
    tmp_path: Path,
    tiny_manifest: Manifest,
) -> None:
    releases = released(tmp_path, tiny_manifest, version="0" * 12)
    said: list[str] = []
    found = submit(client, objects, asked, releases, said.append).estimate
    assert found.minutes is None
    assert "not known" in said[0]


def test_a_job_that_is_not_deployed_is_named(
    client: Any, objects: Objects, asked: Asked, tmp_path: Path
) -> None:
    with pytest.raises(RefusedError, match="lathe-dev-other: no such job definition"):
        submit(client, objects, replace(asked, job="other"), tmp_path, print)


def test_lines_of_compressed_objects_are_estimated(
    objects: Objects, bucket: Address
) -> None:
    content = gzip.compress(some_lines(500) + b"\n")
    put(objects, bucket / "in/0.gz", content)
    put(objects, bucket / "in/1.gz", content)
    assert about_lines(objects, objects.list(bucket / "in")) == 1000


def test_before_its_tasks_begin_nothing_is_known_of_a_job(
    objects: Objects, bucket: Address
) -> None:
    state = read_state(objects, bucket / "out")
    assert (state.text, state.is_whole) == ("no task has begun", False)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (
            ["submit", "reviews", "in.jsonl", "s3://b/out"],
            "'in.jsonl' is not s3://BUCKET",
        ),
        (["submit", "reviews", "s3://b1/in"], "s3://OUT"),
        (
            ["submit", "r", "s3://b1b/i", "s3://b1b/o", "--tasks", "0"],
            "'0' is not between",
        ),
        (["status", "s3://B/out"], "'s3://B/out' is not s3://BUCKET/KEY"),
    ],
)
def test_what_cannot_be_asked_is_refused_at_once(
    words: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert reason in capsys.readouterr().err


def test_a_command_says_what_is_wrong_in_one_line(
    account: Account, tmp_path: Path, bucket: Address
) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "batch", "status", str(bucket / "out"), "--json"],
        env={**os.environ, **account.environment(tmp_path)},
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert (ran.returncode, json.loads(ran.stdout)["parts"]) == (1, 0), ran.stderr
    ran = subprocess.run(
        [sys.executable, "-m", "batch", "status", "s3://no-such-bucket/out"],
        env={**os.environ, **account.environment(tmp_path)},
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert ran.returncode == 2
    assert ran.stderr.startswith("error: s3://no-such-bucket/out/run.json: ")
    assert ran.stderr.count("\n") == 1


def test_the_region_may_be_told_as_aws_own_tools_are(
    account: Account, tmp_path: Path, bucket: Address
) -> None:
    environment = {**os.environ, **account.environment(tmp_path)}
    environment["AWS_REGION"] = environment.pop("AWS_DEFAULT_REGION")
    ran = subprocess.run(
        [sys.executable, "-m", "batch", "submit", "none", f"{bucket}", f"{bucket}/out"],
        env=environment,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert ran.returncode == 2
    assert "no such job definition" in ran.stderr, ran.stderr
