from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from rehearsal.account import ACCOUNT, Account, RehearsalError
from rehearsal.emulator import start_emulator
from rehearsal.handlers import recorded
from rehearsal.readers import read
from rehearsal.template import Scope
from rehearsal.verdict import check
from tests.rehearsal.conftest import resource

ROOT = Path(__file__).parents[2]


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _port(account: Account) -> int:
    port = urlsplit(account.endpoint).port
    assert port
    return port


def test_it_is_the_account_that_the_stacks_are_deployed_to(emulator: Account) -> None:
    assert emulator.client("sts").get_caller_identity()["Account"] == ACCOUNT


def test_it_listens_on_loopback_only(emulator: Account) -> None:
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    port = f"{_port(emulator):04X}"
    listening = {row[1] for row in rows if row[3] == "0A" and row[1].endswith(port)}
    assert listening == {f"0100007F:{port}"}


def test_it_is_killed_at_the_end_also_after_a_failure(tmp_path: Path) -> None:
    with suppress(ZeroDivisionError), start_emulator(tmp_path) as account:
        assert _answers(_port(account))
        raise ZeroDivisionError
    assert not _answers(_port(account))


def test_it_dies_with_a_parent_that_could_not_kill_it(tmp_path: Path) -> None:
    parent = (
        "import sys, time; from pathlib import Path\n"
        "from rehearsal.emulator import start_emulator\n"
        "with start_emulator(Path(sys.argv[1])) as account:\n"
        "    print(account.endpoint, flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", parent, str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    port = _port(Account(process.stdout.readline().strip()))
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    deadline = time.monotonic() + 10
    while _answers(port) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _answers(port)


def test_a_taken_port_is_one_clear_message(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(RehearsalError, match=f"port {port}: Address already in use"),
            start_emulator(tmp_path, port),
        ):
            pass


def test_a_planted_difference_is_found_in_the_account(emulator: Account) -> None:
    asked = {
        "RepositoryName": "lathe/dev/planted",
        "ImageTagMutability": "IMMUTABLE",
        "ImageScanningConfiguration": {"ScanOnPush": True},
    }
    emulator.client("ecr").create_repository(
        repositoryName="lathe/dev/planted",
        imageTagMutability="MUTABLE",
        imageScanningConfiguration={"scanOnPush": True},
    )
    kind = "AWS::ECR::Repository"
    reading = read(emulator, kind, "lathe/dev/planted", asked)
    checked = check(
        resource(kind, asked), "id", reading, Scope("dev-plain", emulator, {}, {})
    )
    assert checked.compared == tuple(asked)
    (finding,) = checked.findings
    assert (finding.property, finding.found) == ("ImageTagMutability", "MUTABLE")


@pytest.mark.parametrize(
    ("kind", "physical_id"),
    [
        ("AWS::EC2::VPC", "vpc-0123456789abcdef0"),
        ("AWS::ECR::Repository", "no/such"),
        ("AWS::ECS::Cluster", "no-such"),
        ("AWS::S3::Bucket", "no-such-bucket"),
        ("AWS::SSM::Parameter", "/no/such"),
        ("AWS::Logs::LogGroup", "/no/such"),
        ("AWS::IAM::Role", "no-such"),
        ("AWS::CloudWatch::Alarm", "no-such"),
        ("AWS::CodeBuild::Project", "no-such"),
        ("AWS::ECS::Service", f"arn:aws:ecs:us-east-1:{ACCOUNT}:service/none/such"),
    ],
)
def test_what_is_not_there_is_not_read(
    emulator: Account, kind: str, physical_id: str
) -> None:
    assert read(emulator, kind, physical_id, {}) is None


SCALABLE = {
    "MinCapacity": 1,
    "MaxCapacity": 2,
    "ResourceId": "service/scaled/none",
    "ScalableDimension": "ecs:service:DesiredCount",
    "ServiceNamespace": "ecs",
}


def test_scaling_a_service_that_is_not_there_is_refused(emulator: Account) -> None:
    emulator.client("ecs").create_cluster(clusterName="scaled")
    with pytest.raises(ValueError, match="no ECS service service/scaled/none"):
        recorded.scalable_target(emulator, "Target", SCALABLE, "dev-plain")


def test_scaling_bounds_the_wrong_way_round_are_refused(emulator: Account) -> None:
    with pytest.raises(ValueError, match="MinCapacity: 3 is above MaxCapacity 2"):
        recorded.scalable_target(
            emulator, "Target", {**SCALABLE, "MinCapacity": 3}, "dev-plain"
        )
