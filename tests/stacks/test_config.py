"""A stage that cannot be deployed says which field is wrong, before any synth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stacks.config import STAGES, ConfigError
from tests.conftest import ManifestFactory
from tests.stacks.conftest import synthesize, write_release

STAGE = STAGES[0]
ENDPOINT = STAGE.endpoints[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"min_tasks": 0}, "min_tasks: 0 is not between 1 and 1000"),
        ({"min_tasks": 3, "max_tasks": 2}, "max_tasks: 2 is not between 3 and 1000"),
        ({"cpu_percent": 100}, "cpu_percent: 100 is not between 10 and 95"),
        ({"callers": ("10.0.0.0/33",)}, "callers: '10.0.0.0/33'"),
        ({"latency_slo_ms": 0}, "latency_slo_ms: 0"),
    ],
)
def test_an_endpoint_names_itself_the_field_the_value_and_the_bound(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match="endpoint support-sentiment: ") as refusal:
        replace(ENDPOINT, **changes)
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"availability_zones": ("us-east-1a",)}, "availability_zones"),
        (
            {"availability_zones": ("us-east-1a", "eu-west-1a")},
            "'eu-west-1a' is not a zone of us-east-1",
        ),
        ({"vpc_cidr": "10.0.0.0/8"}, "vpc_cidr: '10.0.0.0/8'"),
        ({"log_days": 8}, "log_days: 8"),
        ({"build_size": "HUGE"}, "build_size: 'HUGE'"),
        ({"account": "12"}, "account: '12'"),
        ({"endpoints": (ENDPOINT, ENDPOINT)}, "one endpoint a model"),
    ],
)
def test_a_stage_names_itself_the_field_the_value_and_the_bound(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match="stage dev: ") as refusal:
        replace(STAGE, **changes)
    assert message in str(refusal.value)


def test_a_release_that_was_not_measured_is_refused(
    tmp_path: Path, make_manifest: ManifestFactory
) -> None:
    write_release(tmp_path, "dev", make_manifest(serving=None))
    with pytest.raises(Exception, match="serving: not measured"):
        synthesize(tmp_path / "out", tmp_path, (STAGE,))


def test_a_release_of_another_model_is_refused(
    tmp_path: Path, make_manifest: ManifestFactory
) -> None:
    (tmp_path / "dev").mkdir()
    other = make_manifest(name="other").to_json()
    (tmp_path / "dev" / "support-sentiment.json").write_text(other)
    with pytest.raises(Exception, match="'other' is not 'support-sentiment'"):
        synthesize(tmp_path / "out", tmp_path, (STAGE,))
