from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from manifest import Figure, Manifest, Quality, Serving, Step

# A busy machine is no reason to fail.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

SHARED = Path(__file__).parents[2] / "shared" / "data"  # beside the checkout, or not
MUST_RUN_IN_CI = ("tf", "server", "rehearsal", "container")

ManifestFactory = Callable[..., Manifest]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-golden",
        action="store_true",
        help="rewrite golden files and docs/architecture.svg: review the diff like code",
    )


@pytest.fixture(scope="session")
def make_manifest() -> ManifestFactory:
    """A valid, measured manifest; a test names only the fields it is about."""

    def make(**changes: Any) -> Manifest:
        values: dict[str, Any] = {
            "name": "support-sentiment",
            "variant": "int8",
            "version": "3f1c9a07be24",
            "spec_digest": "0" * 64,
            "data_digest": "1" * 64,
            "server_digest": "3" * 64,
            "architecture": "x86_64",
            "task": "classification",
            "runtime": "flask",
            "engine": "litert",
            "labels": ("negative", "neutral", "positive"),
            "lengths": (16, 32, 64),
            "max_batch": 32,
            "files": {
                "litert/model.tflite": "2" * 64,
                "saved_model/saved_model.pb": "4" * 64,
                "sample.json": "5" * 64,
            },
            "steps": (Step("int8", "quantize", {"scheme": "dynamic-int8"}),),
            "quality": Quality(
                1697,
                "macro_f1",
                {
                    "accuracy": Figure(0.88, 0.86, 0.9),
                    "macro_f1": Figure(0.86, 0.84, 0.88),
                },
            ),
            "serving": Serving(1.0, 240, 2.0, 3.0, 4.0, 400.0, 15_400_000, "a test"),
        }
        return Manifest(**{**values, **changes})

    return make


@pytest.fixture
def shared_data() -> Path:
    """Real data that is never committed; CI has it, a user need not."""
    if not SHARED.is_dir():
        pytest.skip(f"no development data at {SHARED}")
    return SHARED


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """In CI a suite that proves something must have run: its skip is a failure."""
    outcome = yield
    report = outcome.get_result()
    marks = [mark for mark in MUST_RUN_IN_CI if item.get_closest_marker(mark)]
    if (
        report.skipped
        and marks
        and os.environ.get("CI")
        and not hasattr(report, "wasxfail")
    ):
        report.outcome = "failed"
        report.longrepr = (
            f"{item.nodeid}: {marks} may not be skipped in CI: {report.longrepr}"
        )
