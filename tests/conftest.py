from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from manifest import Manifest, Quality, Serving, Step

ManifestFactory = Callable[..., Manifest]


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
            "task": "classification",
            "runtime": "flask",
            "labels": ("negative", "neutral", "positive"),
            "lengths": (16, 32, 64),
            "max_batch": 32,
            "files": {"litert/model.tflite": "2" * 64},
            "steps": (Step("int8", "quantize", {"scheme": "dynamic-int8"}),),
            "quality": Quality(1697, 0.88, 0.86, 0.9, 0.86, 0.84, 0.88),
            "serving": Serving(1.0, 240, 2.0, 3.0, 4.0, 400.0, "a test"),
        }
        return Manifest(**{**values, **changes})

    return make
