from __future__ import annotations

from dataclasses import replace

import pytest

from costs.choosing.service_time import service_time
from tests.costs.choosing.conftest import SERVING


def test_at_full_load_nothing_but_work_is_left() -> None:
    found = service_time(SERVING)
    assert found.mean_ms == pytest.approx(1000 / 244.3)
    two = service_time(replace(SERVING, vcpu=2.0))
    assert two.mean_ms == pytest.approx(2000 / 244.3)


@pytest.mark.parametrize(("share", "ms"), [(0.5, 4.37), (0.95, 6.635), (0.99, 10.109)])
def test_a_request_alone_takes_what_was_measured(share: float, ms: float) -> None:
    found = service_time(SERVING, points=10_000)
    alone = found.busy_ms[int(share * 10_000)] + found.delay_ms
    assert alone == pytest.approx(
        ms, rel=0.07
    )  # work is 0.89 of it here, the rest waits


def test_nothing_is_longer_than_three_times_what_was_seen() -> None:
    """Between these percentiles it is so steep that a few would take 48 ms."""
    steep = service_time(replace(SERVING, p50_ms=4.09, p95_ms=5.0), points=10_000)
    assert 2.8 * 10.109 < steep.busy_ms[-1] <= 3 * 10.109


def test_who_meets_no_other_is_answered_in_the_measured_p99() -> None:
    assert service_time(SERVING).p99_ms == pytest.approx(10.109, rel=0.07)
    batched = service_time(replace(SERVING, requests_per_second=488.6))
    assert batched.p99_ms - batched.delay_ms == pytest.approx(10.109 / 2, rel=0.1)
    assert batched.delay_ms > 2


def test_a_vcpu_twice_as_fast_is_busy_half_as_long_and_waits_as_long() -> None:
    found = service_time(SERVING)
    fast = found.on(2)
    assert fast.mean_ms == pytest.approx(found.mean_ms / 2)
    assert fast.delay_ms == found.delay_ms


def test_percentiles_that_are_all_the_same_are_one_time() -> None:
    same = replace(SERVING, p50_ms=4, p95_ms=4, p99_ms=4, requests_per_second=250)
    assert service_time(same).busy_ms == pytest.approx((4.0,) * 400)


def test_percentiles_that_do_not_rise_are_read_as_if_they_did() -> None:
    odd = replace(SERVING, p50_ms=6, p95_ms=4, p99_ms=5)
    assert list(service_time(odd).busy_ms) == sorted(service_time(odd).busy_ms)
