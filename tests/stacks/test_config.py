"""A stage that cannot be deployed says which field is wrong, before any synth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from manifest import Serving
from stacks.release import read_release
from stacks.retention import retention
from stacks.settings.checked import ConfigError
from stacks.settings.compute import InstancesConfig, PoolConfig, TaskSize
from stacks.settings.delivery import Archive, Connection, Promotion
from stacks.settings.door import ApiKey, Cognito
from stacks.settings.network import ExistingVpc
from stacks.settings.scaling import Scheduled
from stacks.settings.stage import LOG_DAYS
from tests.conftest import ManifestFactory
from tests.stacks.conftest import DEV, SHOWN

ENDPOINT = DEV.endpoints[0]
NETWORK = DEV.network
POOL = PoolConfig("gpu", ("g6.xlarge",), 0, 2)
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/c"
COGNITO = Cognito("arn:aws:cognito-idp:us-east-1:123456789012:userpool/p", "c", "d")
HUGE = Serving(1.0, 300_000, 2.0, 3.0, 4.0, 400.0, 15_400_000, "a test")


@pytest.mark.parametrize(
    ("part", "changes", "message"),
    [
        ("scaling", {"min_tasks": 0}, "min_tasks: 0 is not between 1 and 1000"),
        (
            "scaling",
            {"min_tasks": 3, "max_tasks": 2},
            "max_tasks: 2 is not between 3 and 1000",
        ),
        ("scaling", {"load_percent": 100}, "load_percent: 100 is not between 5 and 95"),
        ("scaling", {"cpu_percent": "60"}, "cpu_percent: '60' is not a whole number"),
        ("scaling", {"min_tasks": 1.5}, "min_tasks: 1.5 is not a whole number between"),
        (
            "scaling",
            {"schedule": (Scheduled("0 7 ? * * *", 1, 2, "berlin"),)},
            "schedule[0 7 ? * * *].time_zone: 'berlin' is not as Europe/Berlin is",
        ),
        ("door", {"callers": ()}, "callers: () is not 1 or more"),
        ("door", {"callers": "10.0.0.0/8"}, "callers: '10.0.0.0/8' is not a tuple"),
        ("door", {"waf": "no"}, "waf: 'no' is not True or False"),
        ("watch", {"emails": ("a@b.com",) * 2}, "emails: ('a@b.com', 'a@b.com') is"),
        ("rollout", {"step_percent": 10.123}, "step_percent: 10.123 is not in tenths"),
        ("scaling", {"in_flight": 0}, "in_flight: 0 is not between 0.1 and 1000"),
        ("scaling", {"schedule": (Scheduled("7 *", 1, 2),)}, "schedule[7 *]: '7 *'"),
        (
            "scaling",
            {"schedule": (Scheduled("0 7 ? * * *", 3, 2),)},
            "schedule[0 7 ? * * *].max_tasks: 2 is not between 3 and 1000",
        ),
        ("door", {"callers": ("10.0.0.0/33",)}, "callers: '10.0.0.0/33' is not an IP"),
        ("door", {"callers": ("10.0.0.1/8",)}, "callers: '10.0.0.1/8'"),
        ("door", {"internal": False}, "certificate_arn: None"),
        ("door", {"certificate_arn": "cert"}, "certificate_arn: 'cert'"),
        ("door", {"access": ApiKey("a key")}, "access.secret_name: 'a key'"),
        ("door", {"access": COGNITO}, "access: 'Cognito' is not possible without"),
        ("door", {"requests_per_5_minutes": 9}, "requests_per_5_minutes: 9 is not"),
        ("watch", {"latency_slo_ms": 0}, "latency_slo_ms: 0"),
        ("watch", {"failing_percent": 0}, "failing_percent: 0"),
        ("watch", {"emails": ("nobody",)}, "emails: 'nobody' is not an address"),
        ("rollout", {"kind": "big-bang"}, "kind: 'big-bang' is not one of rolling"),
        ("rollout", {"step_percent": 100}, "step_percent: 100 is not between 0.1"),
        ("rollout", {"max_healthy_percent": 100}, "max_healthy_percent: 100 is not"),
        ("rollout", {"tolerance": float("nan")}, "tolerance: nan is not between 0"),
        ("compute", {"spot_percent": 101}, "spot_percent: 101 is not between 0"),
        ("compute", {"architecture": "mips"}, "architecture: 'mips' is not one of"),
    ],
)
def test_names_stage_endpoint_field_value_and_bound(
    part: str, changes: dict[str, Any], message: str
) -> None:
    changed = replace(getattr(ENDPOINT, part), **changes)
    with pytest.raises(ConfigError) as refusal:
        replace(DEV, endpoints=(replace(ENDPOINT, **{part: changed}),))
    where = f"stage dev: endpoint support-sentiment: {part}."
    assert str(refusal.value).startswith(where + message)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "Dev Endpoint"}, "name: 'Dev Endpoint' is not lower-case words"),
        ({"mode": "psychic"}, "mode: 'psychic' is not one of real-time"),
        ({"runtime": "triton"}, "runtime: 'triton' is not one of flask, tf_serving"),
        ({"compute": InstancesConfig("gpu")}, "compute.pool: 'gpu' is not one of "),
        ({"compute": InstancesConfig("gpu", gpus=9)}, "compute.gpus: 9 is not between"),
        ({"size": TaskSize(0.1, 1024, 10)}, "size.vcpu: 0.1 is not between 0.25"),
    ],
)
def test_names_an_endpoint_s_own_field(changes: dict[str, Any], message: str) -> None:
    endpoint = replace(ENDPOINT, **changes)
    with pytest.raises(ConfigError) as refusal:
        replace(DEV, endpoints=(endpoint,))
    where = f"stage dev: endpoint {endpoint.name}: "
    assert str(refusal.value).startswith(where + message)


def test_an_endpoint_on_the_internet_cannot_be_asked_from_within() -> None:
    door = replace(ENDPOINT.door, internal=False, certificate_arn=CERTIFICATE)
    with pytest.raises(ConfigError, match="rollout.checked: True is not possible"):
        replace(DEV, endpoints=(replace(ENDPOINT, door=door),))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"availability_zones": ("us-east-1a",)},
            "availability_zones: ('us-east-1a',)",
        ),
        (
            {"availability_zones": ("us-east-1a", "eu-west-1a")},
            "availability_zones: 'eu-west-1a' is not a zone of us-east-1",
        ),
        ({"cidr": "10.0.0.0/8"}, "cidr: '10.0.0.0/8' is not a block of /16"),
        ({"cidr": "10.0.0.0/24"}, "cidr: '10.0.0.0/24' is not a block of /16"),
        ({"cidr": "ten"}, "cidr: 'ten' is not an IPv4 block"),
        ({"kind": "air-gapped"}, "kind: 'air-gapped' is not one of public"),
        ({"nat_gateways": 3}, "nat_gateways: 3 is not between 1 and 2"),
    ],
)
def test_names_what_is_wrong_with_a_network(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        replace(DEV, network=replace(NETWORK, **changes))
    assert str(refusal.value).startswith(f"stage dev: network.{message}")


def test_a_network_that_is_there_has_a_subnet_in_each_zone() -> None:
    there = ExistingVpc(
        vpc_id="vpc-0123456789abcdef0",
        availability_zones=("us-east-1a", "us-east-1b"),
        task_subnet_ids=("subnet-0123456789abcdef0",),
        balancer_subnet_ids=("subnet-0123456789abcdef0", "subnet-0123456789abcdef1"),
        public_tasks=False,
    )
    with pytest.raises(ConfigError, match="network.task_subnet_ids: .* one subnet"):
        replace(DEV, network=there)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"region": "virginia"}, "region: 'virginia'"),
        ({"owner": ""}, "owner: '' is not a tag's value"),
        ({"endpoints": ENDPOINT}, "endpoints: "),
        ({"endpoints": (NETWORK,)}, "endpoints: NewVpc("),
        (
            {"network": {"kind": "public"}},
            "network: {'kind': 'public'} is not one of NewVpc",
        ),
        ({"network": None}, "network: None is not one of NewVpc, ExistingVpc"),
        ({"pools": ("gpu",)}, "pools: 'gpu' is not a PoolConfig"),
        ({"jobs": ("nightly",)}, "jobs: 'nightly' is not a JobConfig"),
        ({"log_days": 8}, "log_days: 8 is not one of 1, 3"),
        ({"account": "12"}, "account: '12' is not 12 digits"),
        ({"container_insights": True}, "container_insights: True is not one of"),
        ({"monthly_budget_dollars": 0}, "monthly_budget_dollars: 0 is not between 1"),
        ({"budget_emails": ("me",)}, "budget_emails: 'me' is not an address"),
        ({"endpoints": (ENDPOINT, ENDPOINT)}, "endpoints: ['support-sentiment', "),
        ({"pools": (POOL, POOL)}, "pools: ['gpu', 'gpu'] is not all different"),
        (
            {"pools": (replace(POOL, instance_types=("g6",)),)},
            "pool gpu: instance_types: ('g6',) is not known: instance type g6 is not in",
        ),
        (
            {"pools": (replace(POOL, min_instances=3),)},
            "pool gpu: max_instances: 2 is not between 3 and 1000",
        ),
    ],
)
def test_names_stage_field_value_and_bound(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        replace(DEV, **changes)
    assert str(refusal.value).startswith(f"stage dev: {message}")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kept_images": 1}, "kept_images: 1 is not between 10 and 1000"),
        ({"build_timeout_minutes": 2161}, "build_timeout_minutes: 2161"),
        ({"source": Archive("lathe.tar")}, "source.key: 'lathe.tar' is not a key"),
        (
            {"source": Connection("arn", "a/b", "github")},
            "source.arn: 'arn' is not a connection's ARN",
        ),
    ],
)
def test_names_what_is_wrong_with_the_delivery(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        replace(SHOWN.delivery, **changes)
    assert str(refusal.value).startswith(f"delivery: {message}")


def test_a_stage_runs_where_its_images_are() -> None:
    away = replace(SHOWN.delivery, region="eu-central-1")
    with pytest.raises(ConfigError, match="stage dev: region: 'us-east-1' is not one"):
        replace(SHOWN, delivery=away)


def test_only_stages_that_there_are_can_be_promoted_to() -> None:
    nowhere = replace(SHOWN.delivery, promotions=(Promotion("qa", approval=False),))
    with pytest.raises(ConfigError, match="delivery.promotions: 'qa' is not one of"):
        replace(SHOWN, delivery=nowhere)


@pytest.mark.parametrize("days", LOG_DAYS)
def test_logs_can_be_kept_for_every_time_that_a_stage_may_ask_for(days: int) -> None:
    assert retention(days)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"serving": None}, "serving: not measured"),
        ({"name": "other"}, "name: 'other' is not one of support-sentiment"),
        (
            {"architecture": "arm64"},
            "architecture: 'arm64' is not x86_64, which its tasks run on",
        ),
        (
            {"files": {"saved_model/saved_model.pb": "4" * 64}},
            "runtimes: ('tf_serving',) is not made for flask",
        ),
        ({"runtime": "tf_serving"}, "size: None is not given, and nobody measured"),
        ({"serving": HUGE}, "serving.memory_mib: 300000 needs 375000 MiB"),
    ],
)
def test_a_release_that_could_not_run_is_refused_by_its_file(
    tmp_path: Path,
    make_manifest: ManifestFactory,
    changes: dict[str, Any],
    message: str,
) -> None:
    path = tmp_path / "support-sentiment.json"
    path.write_text(make_manifest(**changes).to_json())
    with pytest.raises(ConfigError) as refusal:
        read_release(path, ENDPOINT, "x86_64")
    assert str(refusal.value).startswith(f"{path}: ")
    assert f"endpoint {ENDPOINT.name}: {message}" in str(refusal.value)
