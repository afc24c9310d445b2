"""What serving a planned model will take: ranges that hold what builds then measured."""

from __future__ import annotations

import pytest

from model_build import sizes
from model_build.serving_plan import Demand, cost_plan, serving_plan
from tests.model_build.test_plan import PRUNED, minilm

TOKENS = 34  # of a padded message of support-sentiment, as its plan counts them
# By two builds: requests a second on one core, p50 in ms, memory in MiB.
MEASURED = [
    pytest.param([(12, 1536)] * 6, "float32", 90.3e6, (72.0, 77.2), (349, 513), id="teacher"),
    pytest.param([(12, 1536)] * 3, "float32", 68.8e6, (123.3, 153.5), (247, 334), id="student"),
    pytest.param(PRUNED, "float32", 59.3e6, (206.3, 250.2), (202, 257), id="pruned"),
    pytest.param(PRUNED, "int8", 16.0e6, (244.3, 322.9), (127, 150), id="int8"),
]  # fmt: skip


@pytest.mark.parametrize(("layers", "kernels", "size", "rates", "memory"), MEASURED)
def test_what_was_measured_is_within_what_is_planned(
    layers: list[tuple[int, int]],
    kernels: str,
    size: float,
    rates: tuple[float, float],
    memory: tuple[int, int],
) -> None:
    flops = sizes.row_flops(minilm(layers), TOKENS)
    found = serving_plan("any", flops, round(size), kernels, "us-east-1")
    low, high = (0.99 * found.p50_ms.low, 1.01 * found.p50_ms.high)
    assert all(low <= 1000 / rate <= high for rate in rates)
    assert all(found.memory_mib.low <= mib <= found.memory_mib.high for mib in memory)
    assert found.dollars_per_million.low < found.dollars_per_million.high
    assert found.p50_ms.low < found.p50_ms.middle < found.p50_ms.high


def planned(**changes: object) -> Demand:
    asked: dict[str, object] = {"requests_per_second": 50, "p99_ms": 100, **changes}
    return Demand(**asked)  # type: ignore[arg-type]


def test_a_budget_is_kept_only_if_the_slow_end_keeps_it() -> None:
    free = cost_plan(0.143e9, 16_000_000, "int8", planned())
    assert free.is_kept
    assert free.monthly is not None
    low, high = free.monthly
    assert low <= high
    for budget, kept in ((high + 0.01, True), (high - 0.01, low == high), (1.0, False)):
        demand = planned(budget=budget)
        assert cost_plan(0.143e9, 16_000_000, "int8", demand).is_kept == kept


def test_a_model_that_can_never_be_so_quick_costs_nothing_for_nobody_sells_it() -> None:
    found = cost_plan(100e9, 400_000_000, "float32", planned())
    assert found.monthly is None
    assert not found.is_kept
