"""Each fault bench for some seconds, on the tiny model: what holds on a busy machine."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from bench.faults.hostile import generate, hostile
from bench.faults.overload import overload
from bench.faults.promise import Promise
from bench.faults.repeated import repeated
from bench.faults.soak import soak
from bench.faults.texts import read_texts
from bench.server import ServerError
from tests.containers.conftest import TINY

pytestmark = pytest.mark.server

PATH = "/v1/models/tiny-sentiment:predict"
PYTHON = Path(sys.executable)


def broken(promises: list[Promise]) -> list[str]:
    return [promise.line() for promise in promises if not promise.is_kept]


def test_hostile_requests_hurt_nobody() -> None:
    found = hostile(
        TINY,
        PATH,
        read_texts(TINY),
        python=PYTHON,
        requests=2_000,
        examples=2,
        slow=100,
    )
    assert not broken(found.promises(is_timed=False)), found.complaints
    assert found.requests >= 2_000
    assert found.generated > 200
    # Some were good after all, most were not.
    assert found.statuses[400] > found.statuses[200] > 10
    assert found.honest.latencies_ms
    assert found.growth_percent < 10


@pytest.mark.skipif(
    shutil.which("haproxy") is None,
    reason="no haproxy on PATH: apt-get install haproxy",
)
def test_servers_are_replaced_and_killed_under_load() -> None:
    found = soak(
        TINY,
        PATH,
        read_texts(TINY),
        python=PYTHON,
        seconds=18,
        rollovers=2,
        kills=1,
        rate=50,
    )
    assert not broken(found.promises(is_timed=False)), found.events
    assert {e.kind for e in found.events} == {"rollover", "kill"}
    assert sum(e.answered for e in found.events) > 200


@pytest.mark.skipif(
    len(os.sched_getaffinity(0)) < 2, reason="wants a core for each side"
)
def test_an_overloaded_server_answers_or_refuses() -> None:
    cores = os.sched_getaffinity(0)
    found = overload(
        TINY,
        PATH,
        read_texts(TINY),
        python=PYTHON,
        seconds=3,
        window_s=0.5,
        times=2,
    )
    assert found.wrong == 0, found.complaint
    assert found.goodput > 0
    assert os.sched_getaffinity(0) == cores


def test_repeated_texts_are_answered_as_new_ones() -> None:
    found = repeated(
        TINY,
        PATH,
        read_texts(TINY),
        python=PYTHON,
        universe=200,
        exponent=1.1,
        rounds=1,
        seconds=0.5,
    )
    assert not broken(found.promises(is_timed=False))
    assert 0.5 < found.hit_rate <= 1


def test_a_python_without_schemathesis_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(ServerError, match="/bin/false must have it"):
        generate(1, 1, 1, print)
