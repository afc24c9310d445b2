"""`python -m rehearsal`: refusals at once, and the real thing from end to end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from rehearsal.__main__ import ROOT, main

# Kinds that the emulator only notes; a metric expression makes an alarm one of them.
NOTED = {
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::CloudWatch::Alarm",
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


@pytest.mark.rehearsal
def test_every_stack_is_deployed_read_back_and_destroyed(
    releases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "rehearsal.json"
    asked = ["--releases", str(releases), "--out", str(out), "--json"]
    assert main(asked) == 0
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert result == json.loads(out.read_text(encoding="utf-8"))
    types = {line["type"]: line for line in result["types"]}
    assert types.keys() >= READ
    for kind, line in types.items():
        assert line["different"] == line["not_covered"] == 0, kind
        assert line["recorded_only"] == 0 or kind in NOTED, kind
    assert types["AWS::ECS::TaskDefinition"]["uncompared"] == {}
    assert types["AWS::ECS::Service"]["uncompared"] == {}
    released = {(found["stage"], found["image_tag"]) for found in result["releases"]}
    assert released == {
        (stage, "support-sentiment-3f1c9a07be24") for stage in ("dev", "prod")
    }
    assert all(found["task_definition"] for found in result["releases"])
    assert types["AWS::CloudWatch::Alarm"]["read_back"] > 0
    assert all("Repository" in name or "Bucket" in name for name in result["retained"])


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
def test_a_release_that_no_task_definition_runs_is_a_difference(
    releases: Path, plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "rehearsal.json")]
    where = ["--assembly", str(plain), "--releases", str(releases)]
    assert main([*out, *where, "--stage", "dev"]) == 1
    table = capsys.readouterr().out
    assert "AWS::Logs::LogGroup      1          1" in table
    assert (
        "DIFFERENCE  dev release support-sentiment (AWS::ECS::TaskDefinition)" in table
    )
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
    )
    assert process.stderr
    assert "cdk bootstrap" in process.stderr.readline()
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
