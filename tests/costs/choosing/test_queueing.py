from __future__ import annotations

import math
import statistics
from random import Random

import pytest

from containers.flask.settings import Settings
from costs.choosing import queueing
from costs.choosing.queueing import STEP, Load, Queue, Server, load
from costs.choosing.service_time import ServiceTime, service_time
from tests.costs.choosing.conftest import SERVING

EXPONENTIAL = ServiceTime(
    tuple(-10 * math.log(1 - (i + 0.5) / 4000) for i in range(4000)), 0.0
)
CONSTANT = ServiceTime((10.0,), 0.0)


def simulated(server: Server, utilisation: float, requests: int = 30_000) -> Load:
    return load.__wrapped__(server, round(utilisation / STEP), requests)


@pytest.fixture
def steady_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What textbooks have: always equally fast."""
    monkeypatch.setattr(queueing, "WANDER", 0.0)


@pytest.mark.usefixtures("steady_machine")
@pytest.mark.parametrize("utilisation", [0.5, 0.7])
def test_waits_as_long_as_a_queue_with_exponential_times(utilisation: float) -> None:
    """M/M/1: the time in it is exponential, its mean 1 / (mu - lambda)."""
    found = simulated(Server(EXPONENTIAL, 1, math.inf), utilisation)
    mean = 10 / (1 - utilisation)
    assert statistics.mean(found.latencies_ms) == pytest.approx(mean, rel=0.1)
    p99 = found.latencies_ms[int(0.99 * len(found.latencies_ms))]
    assert p99 == pytest.approx(mean * math.log(100), rel=0.15)


@pytest.mark.usefixtures("steady_machine")
def test_waits_half_as_long_where_all_take_the_same() -> None:
    """Pollaczek and Khinchin: M/D/1 waits half of what M/M/1 does."""
    found = simulated(Server(CONSTANT, 1, math.inf), 0.7)
    wait = statistics.mean(found.latencies_ms) - 10
    assert wait == pytest.approx(10 * 0.7 / 0.3 / 2, rel=0.1)


@pytest.mark.usefixtures("steady_machine")
def test_two_threads_share_one_queue() -> None:
    """Erlang's C: of M/M/2 at 0.6, 45 % wait, 12.5 ms on average."""
    found = simulated(Server(EXPONENTIAL, 2, math.inf), 0.6)
    wait = statistics.mean(found.latencies_ms) - 10
    assert wait == pytest.approx(0.45 * 12.5, rel=0.12)


def test_refuses_who_would_wait_too_long() -> None:
    found = simulated(Server(CONSTANT, 1, 30.0), 1.5, 5_000)
    refused = sum(math.isinf(ms) for ms in found.latencies_ms) / 5_000
    assert refused == pytest.approx(1 - 1 / 1.5, abs=0.05)
    assert found.longest_ms < 30 + 10 * math.exp(4 * queueing.WANDER)


@pytest.mark.usefixtures("steady_machine")
def test_a_quarter_of_a_vcpu_stops_when_its_quota_is_used() -> None:
    queue = Queue(Server(ServiceTime((30.0,), 1.0), 0.25), Random(0))
    assert queue.latencies([0.0]) == [
        pytest.approx(100 + 5 + 1)
    ]  # 25 ms, a pause, 5 ms
    late = Queue(Server(ServiceTime((20.0,), 0.0), 0.25), Random(0))
    assert late.latencies([90.0]) == [
        pytest.approx(20.0)
    ]  # a period's end, and a fresh one


@pytest.mark.usefixtures("steady_machine")
def test_a_quarter_of_a_vcpu_does_a_quarter_of_the_work() -> None:
    server = Server(ServiceTime((4.0,), 0.0), 0.25, 1e6)
    assert server.capacity == pytest.approx(62.5)
    *_, last = Queue(server, Random(1)).latencies([0.0] * 1000)
    assert last == pytest.approx(4.0 * 1000 / 0.25, rel=0.01)


@pytest.mark.usefixtures("steady_machine")
def test_a_vcpu_and_a_half_answers_two_at_once() -> None:
    queue = Queue(Server(CONSTANT, 1.5), Random(0))
    assert queue.latencies([0.0, 0.0]) == [10.0, 10.0]


def test_a_machine_that_wanders_is_as_fast_on_average() -> None:
    """Of requests that hardly ever meet: 0.13 ms is what they wait (M/D/1)."""
    found = simulated(Server(CONSTANT, 1, math.inf), STEP)
    assert statistics.mean(found.latencies_ms) == pytest.approx(10.13, rel=0.005)
    assert statistics.stdev(found.latencies_ms) > 1.5


def test_a_refused_request_is_late_and_has_no_latency() -> None:
    found = Load(1.0, (10.0, 20.0, 30.0, math.inf))
    assert [found.late(ms) for ms in (9, 20, 1e9)] == [1, 0.5, 0.25]
    assert found.longest_ms == 30
    assert Load(1.0, (math.inf,)).longest_ms == 0


def test_who_waits_too_long_is_refused_as_the_server_does() -> None:
    assert Settings().max_wait_ms == queueing.MAX_WAIT_MS


def test_more_load_is_never_less_late() -> None:
    server = Server(service_time(SERVING), 1)
    late = [simulated(server, u, 10_000).late(60) for u in (0.3, 0.6, 0.8, 0.95, 1.2)]
    assert late == sorted(late)
