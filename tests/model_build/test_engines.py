"""An engine is chosen by its evidence, and LiteRT where there is none."""

from __future__ import annotations

import pytest

from manifest import Engine
from model_build.engines import choose, served_as
from model_build.statistics import Interval

FIRST = Interval(1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("other", "chosen"),
    [
        (Interval(1.4, 1.2, 1.6), "openvino"),
        (Interval(1.4, 0.9, 2.0), "litert"),  # it may as well be slower
        (Interval(0.7, 0.6, 0.8), "litert"),
    ],
)
def test_the_second_engine_ships_only_where_its_whole_interval_is_above_one(
    other: Interval, chosen: Engine
) -> None:
    assert choose({"litert": FIRST, "openvino": other}) == chosen


def test_the_only_engine_ships() -> None:
    assert choose({"litert": FIRST}) == "litert"


def test_servers_of_one_variant_have_different_names() -> None:
    assert served_as("int8", "litert") == "int8"
    assert served_as("int8", "openvino") == "int8-openvino"
