"""`python -m rehearsal`: refusals at once, and the real thing from end to end."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from rehearsal.__main__ import ROOT, main
from tests.rehearsal.conftest import dev_releases, tiny_artifact

# The explicit list: kinds that the emulator only notes. A metric expression makes an
# alarm one of them.
NOTED = {
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::CE::AnomalyMonitor",
    "AWS::CE::AnomalySubscription",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::AnomalyDetector",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentConfig",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::CodePipeline::Pipeline",
    "AWS::ECS::CapacityProvider",  # of managed instances
    "AWS::Logs::QueryDefinition",
}
# What another version of the same model may change.
CHANGED = {
    "AWS::Batch::JobDefinition",
    "AWS::CloudWatch::Dashboard",  # its title names the version
    "AWS::ECR::Repository",  # its lifecycle keeps what stages run
    "AWS::ECS::Service",
    "AWS::ECS::TaskDefinition",
    "AWS::Lambda::Alias",  # that callers of a function ask
    "AWS::Lambda::Function",  # it checks the version, or serves it
    "AWS::Lambda::Version",
}
READ = {
    "AWS::CodeBuild::Project",
    "AWS::EC2::VPC",
    "AWS::ECR::Repository",
    "AWS::ECS::Service",
    "AWS::ECS::TaskDefinition",
    "AWS::ElasticLoadBalancingV2::TargetGroup",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SSM::Parameter",
}


def test_no_such_releases_is_one_clear_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--releases", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err == (
        f"rehearsal: releases: {tmp_path / 'none'} is not a directory\n"
    )


def test_a_bad_release_names_file_and_field(
    releases: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = releases / "dev/support-sentiment.json"
    raw = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**raw, "version": "new"}), encoding="utf-8")
    assert main(["--releases", str(releases)]) == 2
    assert f"{file}: version: 'new'" in capsys.readouterr().err


def test_a_missing_node_is_exit_code_2(
    releases: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("rehearsal.__main__.ROOT", releases)
    monkeypatch.setenv("PATH", "")
    assert main(["--releases", str(releases)]) == 2
    assert "node: not on PATH" in capsys.readouterr().err


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """An assembly of one small stack, for what does not need ours."""
    log_group = {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 7}}
    stack = {
        "type": "aws:cloudformation:stack",
        "environment": "aws://unknown-account/us-east-1",
        "properties": {"templateFile": "plain.json", "stackName": "dev-plain"},
        "displayName": "dev/plain",
    }
    assembly = tmp_path / "assembly"
    assembly.mkdir()
    manifest = {"version": "36.0.0", "artifacts": {"plain": stack}}
    (assembly / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    template = {"Resources": {"Log": log_group}}
    (assembly / "plain.json").write_text(json.dumps(template), encoding="utf-8")
    return assembly


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory, make_manifest: Any) -> Any:
    """The whole life of every stack, lived once: the result that the command wrote."""
    home = tmp_path_factory.mktemp("life")
    model = tiny_artifact(home, make_manifest)
    asked = ["--releases", str(dev_releases(home, model)), "--model", str(model)]
    out = home / "rehearsal.json"
    code = main([*asked, "--out", str(out)])
    return {"code": code, **json.loads(out.read_text(encoding="utf-8"))}


def _shown(life: Any, name: str) -> str:
    (phase,) = [phase for phase in life["phases"] if phase["name"] == name]
    return "\n".join(phase["shown"])


@pytest.mark.rehearsal
def test_every_resource_is_read_back_or_of_a_type_said_to_be_recorded(
    life: Any,
) -> None:
    assert [phase["findings"] for phase in life["phases"] if phase["findings"]] == []
    assert life["code"] == 0
    types = {line["type"]: line for line in life["types"]}
    assert types.keys() >= READ
    for kind, line in types.items():
        assert line["different"] == line["not_covered"] == 0, kind
        assert line["recorded_only"] == 0 or kind in NOTED, kind
    assert types["AWS::ECS::TaskDefinition"]["uncompared"] == {}
    assert types["AWS::CloudWatch::Alarm"]["read_back"] > 0


@pytest.mark.rehearsal
def test_an_empty_account_takes_every_stack_that_needs_no_release(life: Any) -> None:
    assert "resources read back as asked" in _shown(life, "begin")
    assert {stack.split("-")[0] for stack in life["stacks"]} == {
        "delivery",
        "dev",
        "prod",
        "demo",
    }


@pytest.mark.rehearsal
def test_another_release_changes_services_and_task_definitions_alone(life: Any) -> None:
    for name in ("update", "restore"):
        (changed,) = re.findall("changed: (.*);", _shown(life, name))
        kinds = {part.split(" ")[1] for part in changed.split(", ")}
        assert kinds >= {"AWS::ECS::Service", "AWS::ECS::TaskDefinition"}
        assert kinds <= CHANGED


@pytest.mark.rehearsal
def test_a_release_that_cannot_start_is_rolled_back_and_the_last_one_runs_on(
    life: Any,
) -> None:
    shown = _shown(life, "fail")
    assert "CannotPullContainerError" in shown
    assert "rolled back: dev-endpoint-support-sentiment" in shown
    running = re.findall("running: .*", shown)
    assert running == re.findall("running: .*", _shown(life, "update"))
    assert running != re.findall("running: .*", _shown(life, "restore"))


@pytest.mark.rehearsal
def test_each_release_answers_through_the_load_balancer_under_its_version(
    life: Any,
) -> None:
    for name in ("create", "update", "fail", "restore"):
        (version,) = re.findall("running: support-sentiment-(.*)", _shown(life, name))
        answered = f"dev-endpoint-support-sentiment answered as {version}"
        assert answered in _shown(life, name)


@pytest.mark.rehearsal
def test_each_release_answers_a_call_of_its_function_under_its_version(
    life: Any,
) -> None:
    for name in ("create", "update", "restore"):
        (version,) = re.findall("running: support-sentiment-(.*)", _shown(life, name))
        called = f"demo-endpoint-function answered a call of its function as {version}"
        assert called in _shown(life, name)


@pytest.mark.rehearsal
def test_destroy_leaves_what_templates_keep_and_nothing_else(life: Any) -> None:
    assert life["removed"] > 100
    assert all(
        any(kind in name for kind in ("Repository", "Bucket", "KMS::Key"))
        for name in life["retained"]
    )


@pytest.mark.rehearsal
def test_a_rehearsal_of_the_same_is_recognised_and_not_done_again(
    plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    where = ["--assembly", str(plain), "--releases", str(tmp_path / "empty")]
    asked = [*where, "--out", str(tmp_path / "rehearsal.json"), "--reuse"]
    assert main(asked) == 0
    first = capsys.readouterr()
    assert "cdk deploy --all" in first.err
    assert main(asked) == 0
    second = capsys.readouterr()
    assert second.out == first.out
    assert second.err.startswith("recognised ")
    assert "cdk" not in second.err


@pytest.mark.rehearsal
def test_stacks_go_to_whatever_account_and_region_they_name(
    plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    manifest = json.loads((plain / "manifest.json").read_text(encoding="utf-8"))
    near = manifest["artifacts"]["plain"]
    far = json.loads(json.dumps(near))
    far["environment"] = "aws://210987654321/eu-central-1"
    role = "role/cdk-hnb659fds-deploy-role-210987654321-eu-central-1"  # bootstrap's
    far["properties"]["assumeRoleArn"] = f"arn:aws:iam::210987654321:{role}"
    far["properties"]["stackName"], far["displayName"] = "far-plain", "far/plain"
    manifest["artifacts"]["far"] = far
    (plain / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    where = ["--assembly", str(plain), "--releases", str(tmp_path / "empty")]
    assert main([*where, "--out", str(tmp_path / "rehearsal.json")]) == 0
    said = capsys.readouterr()
    assert "cdk bootstrap aws://210987654321/eu-central-1" in said.err
    assert "passed: 2 of 2 resources in 2 stacks" in said.out


@pytest.mark.rehearsal
def test_a_release_that_no_task_definition_runs_is_a_difference(
    releases: Path, plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "rehearsal.json")]
    where = ["--assembly", str(plain), "--releases", str(releases)]
    assert main([*out, *where, "--stage", "dev"]) == 1
    table = capsys.readouterr().out
    assert "AWS::Logs::LogGroup      1          1" in table
    assert "DIFFERENCE  create: dev release support-sentiment" in table
    assert "FAILED: 1 difference" in table


@pytest.mark.rehearsal
def test_a_stack_that_cannot_be_deployed_is_exit_code_1_and_says_why(
    releases: Path, plain: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = {"Resources": {"Log": {"Type": "AWS::Logs::LogGroop"}}}
    (plain / "plain.json").write_text(json.dumps(bad), encoding="utf-8")
    assert main(["--assembly", str(plain), "--releases", str(releases)]) == 1
    assert "AWS::Logs::LogGroop" in capsys.readouterr().err


@pytest.mark.rehearsal
def test_an_unknown_stage_and_a_taken_port_are_exit_code_2(
    releases: Path, plain: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--assembly", str(plain), "--releases", str(releases)]
    assert main([*where, "--stage", "nowhere"]) == 2
    assert "stage: 'nowhere' is not one of dev" in capsys.readouterr().err
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main([*where, "--port", port]) == 2
    assert f"port {port}: Address already in use" in capsys.readouterr().err


@pytest.mark.rehearsal
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_rehearsal_leaves_no_process_and_no_file(
    releases: Path, plain: Path, tmp_path: Path, stop: signal.Signals
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    command = [sys.executable, "-m", "rehearsal", "--assembly", str(plain)]
    process = subprocess.Popen(
        [*command, "--releases", str(releases)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
        stderr=subprocess.PIPE,
        text=True,
        # What a shell has put into the background ignores Ctrl-C, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stderr
    assert any("cdk bootstrap" in line for line in process.stderr)
    process.send_signal(stop)
    assert "interrupted" in process.communicate(timeout=20)[1]
    assert process.returncode == 130
    assert list(temporary.iterdir()) == []
    deadline = time.monotonic() + 5  # what was killed takes a moment to be gone
    while (left := _processes_with(str(temporary))) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []


def _processes_with(text: str) -> list[str]:
    """The emulator's and the CLI's environments name their temporary directory."""
    found = []
    for file in Path("/proc").glob("[0-9]*/environ"):
        try:
            environment = file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if text in environment and file.parent.name != str(os.getpid()):
            found.append(file.parent.name)
    return found
