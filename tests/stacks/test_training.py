"""A model that is built as a training job: what its step may do, and that it does it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from stacks import build
from stacks.commands.train import main
from stacks.machine import Machine
from stacks.settings.checked import ConfigError
from tests.stacks.conftest import SHOWN, of_type
from tests.stacks.test_build import MODEL, project, rights, synth

ROOT = Path(__file__).parents[2]
ROLE = "arn:aws:iam::123456789012:role/training"


@pytest.fixture(scope="module")
def trained() -> dict[str, Any]:
    """The build stack, where the spec asks for a job on a GPU."""
    with pytest.MonkeyPatch.context() as patch:
        machine = Machine(MODEL, "small", gpu=True, engine="sagemaker")
        patch.setattr(build, "read_machine", lambda model: machine)
        return synth(SHOWN)


def test_a_step_that_only_waits_asks_for_the_machine_of_the_spec(
    trained: dict[str, Any],
) -> None:
    step = project(trained, "Build")
    assert step["Source"]["BuildSpec"] == "buildspecs/train.yml"
    assert step["Environment"]["ComputeType"] == "BUILD_GENERAL1_SMALL"
    given = {
        variable["Name"]: variable["Value"]
        for variable in step["Environment"]["EnvironmentVariables"]
    }
    assert given["INSTANCE"] == "ml.g5.xlarge"
    assert "gpu" in json.dumps(given["IMAGE"])
    assert int(given["MINUTES"]) < step["TimeoutInMinutes"]
    assert json.loads(given["TAGS"])["model"] == MODEL


def test_it_may_run_jobs_of_its_model_and_hand_on_no_role_but_theirs(
    trained: dict[str, Any],
) -> None:
    allowed = rights(trained, "Build")
    (jobs,) = allowed["sagemaker:CreateTrainingJob"]
    assert f":training-job/{MODEL}-*" in jobs
    (role,) = allowed["iam:PassRole"]
    assert "Training" in role
    assert "Role" in role
    for action in ("s3:GetObject", "s3:PutObject"):
        assert any(f"trainings/{MODEL}/*" in on for on in allowed[action])
    assert not any(on == '"*"' for on in set().union(*allowed.values()))


def test_a_job_reaches_its_own_folder_and_is_sagemakers_alone(
    trained: dict[str, Any],
) -> None:
    (role,) = (
        role
        for role in of_type(trained, "AWS::IAM::Role")
        if "sagemaker" in json.dumps(role["AssumeRolePolicyDocument"])
    )
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"]["StringEquals"]["aws:SourceAccount"]
    policy = next(
        policy
        for policy in of_type(trained, "AWS::IAM::Policy")
        if "ecr:BatchGetImage" in json.dumps(policy)
    )
    for statement in policy["PolicyDocument"]["Statement"]:
        if "s3:PutObject" in statement["Action"]:
            assert f"trainings/{MODEL}/*" in json.dumps(statement["Resource"])
        if statement["Resource"] == "*":
            assert statement["Action"] == "ecr:GetAuthorizationToken"


def test_without_the_engine_there_is_no_role_for_jobs() -> None:
    assert "sagemaker" not in json.dumps(synth(SHOWN))


def test_a_job_on_arm_is_refused_by_the_specs_name() -> None:
    message = r"specs/m\.toml: build.engine: 'sagemaker' is not possible on arm64"
    with pytest.raises(ConfigError, match=message):
        Machine("m", architecture="arm64", engine="sagemaker")


class Cloud(BaseHTTPRequestHandler):
    """Storage, and SageMaker: a job ends as the test says, with an artifact if it does."""

    ends: str
    kept: dict[str, bytes]
    asked: list[dict[str, Any]]
    stopped: list[str]

    def do_PUT(self) -> None:
        self.kept[self.path.partition("?")[0]] = self._body()
        self._send(200, b"")

    def do_HEAD(self) -> None:
        self._send(
            200 if self.path in self.kept else 404, self.kept.get(self.path, b"")
        )

    def do_GET(self) -> None:
        found = self.kept.get(self.path.partition("?")[0])
        self._send(200 if found is not None else 404, found or b"")

    def do_POST(self) -> None:
        operation = self.headers["X-Amz-Target"].removeprefix("SageMaker.")
        body = json.loads(self._body())
        if operation == "CreateTrainingJob":
            self.asked.append(body)
            answer: dict[str, Any] = {"TrainingJobArn": "arn:job"}
        elif operation == "StopTrainingJob":
            self.stopped.append(body["TrainingJobName"])
            answer = {}
        else:
            answer = self._describe(body["TrainingJobName"])
        self._send(200, json.dumps(answer).encode())

    def _describe(self, job: str) -> dict[str, Any]:
        if len(self.asked) == 1 and not self.kept.get("seen"):
            self.kept["seen"] = b"yes"
            return {"TrainingJobStatus": "InProgress", "SecondaryStatus": "Starting"}
        if self.ends == "Completed":
            self.kept[f"/hand/trainings/{MODEL}/{job}/output/model.tar.gz"] = artifact()
        return {
            "TrainingJobStatus": self.ends,
            "SecondaryStatus": self.ends,
            "FailureReason": "" if self.ends == "Completed" else "AlgorithmError: 1",
        }

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def artifact() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        text = b'{"version": "3f1c9a07be24"}'
        member = tarfile.TarInfo("report.json")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    return made.getvalue()


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Cloud]]:
    """Behind the real client of AWS, on loopback."""

    class Own(Cloud):
        """One of each test's own."""

    Own.ends, Own.kept, Own.asked, Own.stopped = "Completed", {}, [], []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Own)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
    }.items():
        monkeypatch.setenv(name, value)
    yield Own
    server.shutdown()
    thread.join()
    server.server_close()


def train(checkout: Path, *more: str) -> int:
    (checkout / "model_build").mkdir(parents=True)
    (checkout / "model_build" / "spec.py").write_text("spec")
    (checkout / ".venv" / "build").mkdir(parents=True)
    (checkout / ".venv" / "build" / "large").write_text("installed")
    fixed = f"{MODEL} --bucket hand --role {ROLE} --image IMAGE --instance ml.g5.xlarge"
    where = ["--source", str(checkout), "--out", str(checkout / "dist")]
    return main([*fixed.split(), "--minutes", "60", "--every", "0", *where, *more])


def test_a_job_gets_the_source_and_its_artifact_comes_back(
    cloud: type[Cloud], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tmp_path, "--tags", '{"owner": "platform team"}') == 0
    (asked,) = cloud.asked
    job = asked["TrainingJobName"]
    with tarfile.open(
        fileobj=io.BytesIO(
            cloud.kept[f"/hand/trainings/{MODEL}/source/{job}/source.tar.gz"]
        )
    ) as sent:
        names = sent.getnames()
    assert "./model_build/spec.py" in names
    assert not any(".venv" in name for name in names)
    assert asked["RoleArn"] == ROLE
    assert asked["ResourceConfig"]["InstanceType"] == "ml.g5.xlarge"
    assert asked["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600}
    assert asked["Tags"] == [{"Key": "owner", "Value": "platform team"}]
    channel = asked["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"]
    assert channel == f"s3://hand/trainings/{MODEL}/source/{job}"
    report = json.loads((tmp_path / "dist" / "report.json").read_text())
    assert report["version"] == "3f1c9a07be24"
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"{job} on ml.g5.xlarge"
    assert f"{job}: Starting" in told
    assert not cloud.stopped


def test_a_job_that_failed_says_why_and_fails(
    cloud: type[Cloud], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.ends = "Failed"
    assert train(tmp_path) == 1
    assert "AlgorithmError: 1" in capsys.readouterr().err
    assert not (tmp_path / "dist").exists()


def test_a_build_that_is_stopped_stops_its_job(
    cloud: type[Cloud], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("stacks.commands.train.time.sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path)
    assert cloud.stopped == [cloud.asked[0]["TrainingJobName"]]


@pytest.mark.parametrize(("exit_code", "passed"), [(0, True), (1, True), (3, False)])
def test_the_script_of_a_job_keeps_steps_and_hands_on_what_a_build_does(
    tmp_path: Path, exit_code: int, passed: bool
) -> None:
    """pip and uv are stood in for; 1 is a gate that stopped the model."""
    tools, python = tmp_path / "tools", tmp_path / ".venv/build/bin/python"
    tools.mkdir()
    python.parent.mkdir(parents=True)
    for name in ("pip", "uv"):
        (tools / name).write_text("#!/bin/bash\n")
        (tools / name).chmod(0o755)
    writes = (
        'mkdir -p "$5/litert" && echo x > "$5/report.json" && echo x > "$5/litert/m"'
    )
    python.write_text(f'#!/bin/bash\n[ "$4" = --out ] && {writes}\nexit {exit_code}\n')
    python.chmod(0o755)
    ran = subprocess.run(
        ["bash", ROOT / "buildspecs" / "train.sh"],
        cwd=tmp_path,
        env={
            "PATH": f"{tools}:{os.environ['PATH']}",
            "MODEL": MODEL,
            "CHECKPOINTS": str(tmp_path / "checkpoints"),
            "ARTIFACT": str(tmp_path / "artifact"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode == 0) == passed, ran.stderr
    assert (tmp_path / "artifact" / "litert" / "m").exists() == passed
    assert (tmp_path / "checkpoints" / "built" / "report.json").exists()
