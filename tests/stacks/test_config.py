"""A stage that cannot be deployed says which field is wrong, before any synth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from manifest import Serving
from stacks.bounds import LOG_DAYS, ConfigError
from stacks.release import read_release
from stacks.retention import retention
from tests.conftest import ManifestFactory
from tests.stacks.conftest import STAGES

STAGE = STAGES[0]
ENDPOINT = STAGE.endpoints[0]
HUGE = Serving(1.0, 300_000, 2.0, 3.0, 4.0, 400.0, "a test")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"min_tasks": 0}, "min_tasks: 0 is not between 1 and 1000"),
        ({"min_tasks": 3, "max_tasks": 2}, "max_tasks: 2 is not between 3 and 1000"),
        ({"load_percent": 100}, "load_percent: 100 is not between 5 and 95"),
        ({"cpu_percent": "60"}, "cpu_percent: '60' is not between 10 and 95"),
        ({"callers": ("10.0.0.0/33",)}, "callers: '10.0.0.0/33' is not an IPv4 block"),
        ({"callers": ("10.0.0.1/8",)}, "callers: '10.0.0.1/8'"),
        ({"latency_slo_ms": 0}, "latency_slo_ms: 0"),
        ({"failing_percent": 0}, "failing_percent: 0"),
        ({"emails": ("nobody",)}, "emails: 'nobody' is not an address"),
        ({"internal": False}, "certificate_arn: None"),
        ({"certificate_arn": "cert"}, "certificate_arn: 'cert'"),
    ],
)
def test_names_stage_endpoint_field_value_and_bound(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        replace(STAGE, endpoints=(replace(ENDPOINT, **changes),))
    where = "stage dev: endpoint support-sentiment: "
    assert str(refusal.value).startswith(where + message)


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
        ({"region": "virginia"}, "region: 'virginia'"),
        ({"vpc_cidr": "10.0.0.0/8"}, "vpc_cidr: '10.0.0.0/8' is not a block of /16"),
        ({"vpc_cidr": "10.0.0.0/24"}, "vpc_cidr: '10.0.0.0/24' is not a block of /16"),
        ({"vpc_cidr": "ten"}, "vpc_cidr: 'ten' is not an IPv4 block"),
        ({"log_days": 8}, "log_days: 8 is not one of 1, 3"),
        ({"kept_images": 1}, "kept_images: 1 is not between 10 and 1000"),
        ({"build_size": "HUGE"}, "build_size: 'HUGE' is not one of SMALL"),
        ({"build_timeout_minutes": 481}, "build_timeout_minutes: 481"),
        ({"account": "12"}, "account: '12' is not 12 digits"),
        ({"endpoints": (ENDPOINT, ENDPOINT)}, "endpoints: ['support-sentiment', "),
    ],
)
def test_names_stage_field_value_and_bound(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        replace(STAGE, **changes)
    assert str(refusal.value).startswith(f"stage dev: {message}")


@pytest.mark.parametrize("days", LOG_DAYS)
def test_logs_can_be_kept_for_every_time_that_a_stage_may_ask_for(days: int) -> None:
    assert retention(days)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"serving": None}, "serving: not measured"),
        ({"name": "other"}, "name: 'other' is not 'support-sentiment'"),
        ({"runtime": "tf_serving"}, "runtime: 'tf_serving' is not 'flask'"),
        ({"serving": HUGE}, "peak_mib: 300000 needs 375000 MiB"),
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
        read_release(path, "support-sentiment")
    assert str(refusal.value).startswith(f"{path}: {message}")
