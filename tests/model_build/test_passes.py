"""Each pass does what its name says to a real encoder, and leaves its input alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model_build.model import Model, Precision
from model_build.passes import Quantize
from model_build.passes.base import Workbench

pytestmark = pytest.mark.tf


def test_quantization_is_left_to_the_export(
    tiny_model: Model, bench: Workbench
) -> None:
    assert Quantize().apply(tiny_model, bench) == replace(
        tiny_model, precision=Precision("dynamic-int8", "int8")
    )
