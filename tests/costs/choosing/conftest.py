from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.predicted import AVX2
from costs.choosing import queueing
from costs.choosing.choice import Question
from costs.choosing.objective import Objective
from costs.choosing.service_time import service_time
from costs.choosing.traffic import Profile, shape
from costs.choosing.variants import Variant
from costs.usage import Usage
from tests.conftest import ManifestFactory

SERVING = AVX2.serving
INT8 = Variant("int8", SERVING, service_time(SERVING), 1.66, 0.856, "macro_f1", True)

# Enough to tell what is cheaper and what is late; test_queueing.py simulates more.
queueing.REQUESTS = 1_500


def asked(
    rate: float = 50,
    p99_ms: float = 100,
    *,
    profile: Profile | None = None,
    variants: tuple[Variant, ...] = (INT8,),
    **changes: float,
) -> Question:
    """A question; a test names only what it is about."""
    traffic = profile or shape("steady").at(rate)
    objective = Objective(traffic, p99_ms, **changes)  # type: ignore[arg-type]
    return Question(variants, objective, "us-east-1", Usage())


@pytest.fixture
def written(tmp_path: Path, make_manifest: ManifestFactory) -> Path:
    """A build's manifest."""
    path = tmp_path / "manifest.json"
    path.write_text(make_manifest(serving=SERVING).to_json(), encoding="utf-8")
    return path


@pytest.fixture
def reported(written: Path) -> Path:
    """The same with the report of its build beside it: a dearer and better variant."""
    report = {
        "measure": "macro_f1",
        "conditions": {"server_cores": 1, "hardware": "AMD EPYC (avx2), 2 cores"},
        "variants": [
            _reported("teacher", 0.93, 14.5, 72.0, 513),
            _reported("int8", 0.856, 4.37, 244.3, 150),
            _reported("tiny", 0.70, 1.1, 900.0, 90),
        ],
    }
    path = written.with_name("report.json")
    path.write_text(json.dumps(report), encoding="utf-8")
    return path


def _reported(
    name: str, quality: float, p50: float, rate: float, memory: int
) -> dict[str, object]:
    return {
        "name": name,
        "bytes": 1_000_000,
        "quality": {"figures": {"macro_f1": {"own": {"value": quality}}}},
        "serving": {
            "memory_mib": memory,
            "p50_ms": p50,
            "p95_ms": 1.4 * p50,
            "p99_ms": 1.8 * p50,
            "requests_per_second": rate,
            "ready_seconds": 1.7,
        },
    }
