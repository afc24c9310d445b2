"""What a deployment needs of an account, and whether the account has it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from costs.instances import instance_types
from manifest import Manifest
from stacks import quotas
from stacks.commands.preflight import main
from stacks.quotas import QUOTAS, Quota, family, needs
from stacks.settings.compute import FargateConfig
from stacks.settings.deployment import Deployment
from stacks.settings.network import NewVpc
from stacks.settings.rollout import RolloutConfig
from tests.conftest import ManifestFactory
from tests.stacks.conftest import (
    DEMO,
    DEV,
    PROD,
    SHOWN,
    STAGES,
    of_type,
    release,
    template,
)

ROOT = Path(__file__).parents[2]
OWN = "123456789012"


@pytest.fixture(scope="module")
def releases(make_manifest: ManifestFactory) -> dict[tuple[str, str], Manifest]:
    manifest = make_manifest()
    return {(stage.name, manifest.name): manifest for stage in STAGES}


@pytest.fixture
def folder(tmp_path: Path, make_manifest: ManifestFactory) -> Path:
    release(tmp_path, make_manifest())
    return tmp_path


def amounts(
    what: Deployment, releases: dict[tuple[str, str], Manifest], stage: str
) -> dict[Quota, float]:
    return {
        need.quota: need.amount for need in needs(what, releases) if need.stage == stage
    }


def counted(assembly: Path, stage: str, kind: str) -> int:
    """How many resources of a type the stage's templates have."""
    stacks = [
        "network",
        *(f"endpoint-{e.name}" for s in STAGES if s.name == stage for e in s.endpoints),
    ]
    return sum(len(of_type(template(assembly, f"{stage}-{s}"), kind)) for s in stacks)


def test_what_is_needed_is_what_the_templates_have(
    assembly: Path, releases: dict[tuple[str, str], Manifest]
) -> None:
    for stage in ("dev", "demo"):
        found = amounts(SHOWN, releases, stage)
        for quota, kind in (
            (quotas.VPCS, "AWS::EC2::VPC"),
            (quotas.GATEWAYS, "AWS::EC2::InternetGateway"),
            (quotas.BALANCERS, "AWS::ElasticLoadBalancingV2::LoadBalancer"),
        ):
            assert found[quota] == counted(assembly, stage, kind), (stage, kind)
    prod = amounts(SHOWN, releases, "prod")
    network = template(assembly, "prod-network")
    assert prod[quotas.ADDRESSES] == len(of_type(network, "AWS::EC2::EIP"))
    interfaces = [
        endpoint
        for endpoint in of_type(
            template(assembly, "demo-network"), "AWS::EC2::VPCEndpoint"
        )
        if endpoint["VpcEndpointType"] == "Interface"
    ]
    assert amounts(SHOWN, releases, "demo")[quotas.INTERFACES] == len(interfaces)
    repositories = of_type(
        template(assembly, "delivery-registry"), "AWS::ECR::Repository"
    )
    found = amounts(SHOWN, releases, "delivery")
    assert found[quotas.REPOSITORIES] == len(repositories)


def test_a_rollout_doubles_the_tasks_that_a_shift_keeps_and_else_what_is_healthy() -> (
    None
):
    endpoint = PROD.endpoints[0]
    assert endpoint.rollout.shifts
    assert endpoint.most_tasks == 2 * endpoint.scaling.max_tasks
    rolling = replace(endpoint, rollout=RolloutConfig(max_healthy_percent=150))
    most = endpoint.scaling.max_tasks * 150 // 100
    assert rolling.most_tasks == most


def test_vcpu_are_counted_where_tasks_and_instances_are_paid_for(
    releases: dict[tuple[str, str], Manifest],
) -> None:
    """The release was measured on one vCPU: a task of one vCPU."""
    dev, demo = (amounts(SHOWN, releases, stage) for stage in ("dev", "demo"))
    assert dev[quotas.FARGATE_SPOT] == DEV.endpoints[0].most_tasks
    assert quotas.FARGATE not in dev
    # Half of what is above the one on demand, each half rounded up: 8 tasks in a shift;
    # and four workers of a queue, all Spot.
    assert (demo[quotas.FARGATE], demo[quotas.FARGATE_SPOT]) == (5, 4 + 4)
    # Four g6.xlarge of four vCPU: one on demand, half of the other three, rounded up.
    assert (demo[quotas.GPU], demo[quotas.GPU_SPOT]) == (12, 8)
    prod = amounts(SHOWN, releases, "prod")
    assert prod[quotas.FARGATE] == 2 * PROD.endpoints[0].scaling.max_tasks


def test_an_endpoint_without_release_or_size_is_not_counted_and_said_so(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    arguments = ["--offline", "--releases", str(folder)]
    assert main(arguments, SHOWN) == 0
    told = capsys.readouterr()
    assert "prod: support-sentiment has no release: no vCPU counted" in told.err
    assert "demo" not in told.err
    assert "prod" not in row(told.out, quotas.FARGATE)


def row(table: str, quota: Quota) -> str:
    (found,) = (
        line for line in table.splitlines() if quota.code in line and "aws " not in line
    )
    return found


def test_offline_says_default_and_what_to_ask_for(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    arguments = ["--offline", "--releases", str(folder), "--stage", "demo"]
    assert main(arguments, SHOWN) == 0
    table = capsys.readouterr().out
    gpu = row(table, quotas.GPU)
    assert re.search(r"12 +0 +\? +ask +demo 12$", gpu), gpu
    wanted = [line for line in table.splitlines() if line.startswith("aws ")]
    assert any("--quota-code L-DB2E81BA --desired-value 12" in line for line in wanted)
    assert "demo: pool gpu: 3 of g6.xlarge" in table.splitlines()


def test_needs_of_stages_in_one_account_add_up_and_bounds_of_a_thing_do_not(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    assert main(["--offline", "--json", "--releases", str(folder)], SHOWN) == 0
    found = {each["code"]: each for each in json.loads(capsys.readouterr().out)}
    balancers = found[quotas.BALANCERS.code]
    assert balancers["needed"] == 4
    assert {s: n["needed"] for s, n in balancers["stages"].items()} == {
        "dev": 1,
        "prod": 1,
        "demo": 2,
    }
    assert found[quotas.TARGETS.code]["needed"] == 2
    apart = replace(SHOWN, stages=(replace(DEV, account="1" * 12), PROD, DEMO))
    assert main(["--offline", "--json", "--releases", str(folder)], apart) == 0
    again = [
        (each["account"], each["needed"])
        for each in json.loads(capsys.readouterr().out)
        if each["code"] == quotas.BALANCERS.code
    ]
    assert sorted(again, key=str) == [("1" * 12, 1), (None, 3)]


def test_quotas_are_told_apart_and_every_priced_instance_type_has_its_own() -> None:
    assert len({quota.code for quota in QUOTAS}) == len(QUOTAS)
    for quota in QUOTAS:
        assert re.fullmatch(r"L-[0-9A-F]{8}", quota.code), quota
    for name, kind in instance_types().items():
        owned, spot = family(name)
        assert (owned in (quotas.GPU, quotas.TRAINING)) == bool(kind.gpus), name
        assert {owned, spot} <= set(QUOTAS)


def test_nat_gateways_and_their_addresses_are_as_many_as_the_config_says(
    releases: dict[tuple[str, str], Manifest],
) -> None:
    assert isinstance(PROD.network, NewVpc)
    network = replace(PROD.network, nat_gateways=3)
    what = replace(SHOWN, stages=(DEV, replace(PROD, network=network), DEMO))
    assert amounts(what, releases, "prod")[quotas.ADDRESSES] == 3


class Account(BaseHTTPRequestHandler):
    """Speaks what STS and Service Quotas speak, for an account with small values."""

    values: dict[str, float]
    denied = False

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        target = self.headers.get("X-Amz-Target", "")
        if target == "ServiceQuotasV20190624.GetServiceQuota":
            self._quota(json.loads(body))
        else:
            assert b"Action=GetCallerIdentity" in body
            self._send(
                200,
                "text/xml",
                '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
                f"<GetCallerIdentityResult><Arn>arn:aws:iam::{OWN}:user/a</Arn>"
                f"<UserId>A</UserId><Account>{OWN}</Account></GetCallerIdentityResult>"
                "<ResponseMetadata><RequestId>0</RequestId></ResponseMetadata>"
                "</GetCallerIdentityResponse>",
            )

    def _quota(self, asked: dict[str, str]) -> None:
        json_type = "application/x-amz-json-1.1"
        code = asked["QuotaCode"]
        if self.denied:
            error = {"__type": "AccessDeniedException", "Message": "not allowed"}
            self._send(400, json_type, json.dumps(error))
        elif code not in self.values:
            error = {"__type": "NoSuchResourceException", "Message": "no such quota"}
            self._send(400, json_type, json.dumps(error))
        else:
            quota = {"QuotaCode": code, "Value": self.values[code]}
            self._send(200, json_type, json.dumps({"Quota": quota}))

    def _send(self, status: int, kind: str, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Account]]:
    """An account behind the real client of AWS, on loopback."""

    class Own(Account):
        """One of each test's own."""

    Own.values = {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Own)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    yield Own
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_value_that_is_too_small_is_short_and_fails(
    account: type[Account], capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    account.values = {quotas.GPU.code: 11, quotas.GPU_SPOT.code: 8}
    arguments = ["--releases", str(folder), "--stage", "demo"]
    assert main(arguments, SHOWN) == 1
    table = capsys.readouterr().out
    assert re.search(r"12 +0 +11 +short +demo 12$", row(table, quotas.GPU))
    assert re.search(r"8 +0 +8 +ok +demo 8$", row(table, quotas.GPU_SPOT))
    assert " ? " in row(table, quotas.VPCS)
    account.values[quotas.GPU.code] = 12
    assert main(arguments, SHOWN) == 0


def test_values_of_another_account_are_not_taken_for_the_stages(
    account: type[Account], capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    account.values = {quotas.FARGATE_SPOT.code: 1}
    arguments = ["--releases", str(folder), "--stage", "dev"]
    other = replace(SHOWN, stages=(replace(DEV, account="2" * 12), PROD, DEMO))
    assert main(arguments, other) == 0
    assert " ? " in row(capsys.readouterr().out, quotas.FARGATE_SPOT)
    own = replace(SHOWN, stages=(replace(DEV, account=OWN), PROD, DEMO))
    assert main(arguments, own) == 1


def test_rights_that_are_missing_are_said_and_defaults_shown(
    account: type[Account], capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    account.denied = True
    assert main(["--releases", str(folder)], SHOWN) == 0
    told = capsys.readouterr()
    assert "AccessDenied" in told.err
    assert " ? " in row(told.out, quotas.FARGATE)


def test_a_stage_that_is_not_there_is_one_clear_line() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "stacks.commands.preflight", "--stage", "staging"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert ran.stderr == "error: --stage: 'staging' is not one of delivery, dev, prod\n"
    assert not ran.stdout


def test_the_size_in_the_config_counts_where_there_is_one(
    releases: dict[tuple[str, str], Manifest],
) -> None:
    assert DEMO.endpoints[1].size is not None
    endpoint = replace(
        DEMO.endpoints[1], compute=FargateConfig(), rollout=RolloutConfig()
    )
    what = replace(SHOWN, stages=(DEV, PROD, replace(DEMO, endpoints=(endpoint,))))
    assert DEMO.endpoints[1].size.vcpu * 4 == amounts(what, {}, "demo")[quotas.FARGATE]
