"""One queue in front of an engine, with real threads."""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from containers.flask.batching import Batcher, DeadlineError
from containers.flask.engine import Engine
from manifest import Manifest

LENGTHS = (8, 16, 32)


class Gate:
    """An engine whose answer is each row's sum; it can be held, and told to fail."""

    def __init__(self, batch_tokens: int = 64) -> None:
        self.batch_tokens = batch_tokens
        self.shapes: list[tuple[int, ...]] = []
        self.open = threading.Event()
        self.open.set()
        self.error: Exception | None = None

    def run(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        self.open.wait(10)
        self.shapes.append(ids.shape)
        if self.error:
            raise self.error
        return ids.sum(axis=1, dtype=np.float32)[:, np.newaxis]


class Loop:
    """A thread's worth of an event loop: what others ask of it is done by turn()."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Callable[..., None], tuple[Any, ...]]] = (
            SimpleQueue()
        )

    def call_soon(self, function: Callable[..., None], *arguments: Any) -> None:
        self._calls.put((function, arguments))

    def turn(self, until: Callable[[], bool], seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not until():
            function, arguments = self._calls.get(timeout=deadline - time.monotonic())
            function(*arguments)


@contextmanager
def batching(engine: Engine, loop: Loop, *, threads: int = 1) -> Iterator[Batcher]:
    batcher = Batcher(
        engine,
        lengths=LENGTHS,
        threads=threads,
        call_soon=loop.call_soon,
        observe=lambda *seen: None,
    )
    try:
        yield batcher
    finally:
        batcher.close()


@pytest.fixture
def loop() -> Loop:
    return Loop()


def held(gate: Gate, batcher: Batcher, said: list[Any]) -> None:
    """Occupy the one thread, so that what comes next has to wait."""
    gate.open.clear()
    batcher.submit([[1]], math.inf, said.append)
    while batcher.queued_rows:
        time.sleep(0.001)


def test_random_batchings_answer_bit_for_bit_as_each_row_alone(
    tiny_engine: Engine, tiny_manifest: Manifest, loop: Loop
) -> None:
    assert tiny_manifest.lengths == LENGTHS
    chance = random.Random(4)
    rows = [
        [chance.randrange(1, 150) for _ in range(chance.randint(1, 32))]
        for _ in range(60)
    ]

    def alone(row: list[int]) -> NDArray[np.float32]:
        length = next(n for n in LENGTHS if n >= len(row))
        ids = np.array([row + [0] * (length - len(row))], np.int32)
        return tiny_engine.run(ids)[0]

    expected = [alone(row) for row in rows]
    asked: list[list[int]] = []
    answers: list[Any] = []
    with batching(tiny_engine, loop, threads=2) as batcher:
        for _ in range(300):
            places = chance.choices(range(len(rows)), k=chance.randint(1, 5))
            asked.append(places)
            answers.append(None)

            def done(outputs: Any, number: int = len(answers) - 1) -> None:
                answers[number] = outputs

            batcher.submit([rows[place] for place in places], math.inf, done)
        loop.turn(lambda: all(answer is not None for answer in answers))
    for places, outputs in zip(asked, answers, strict=True):
        for place, output in zip(places, outputs, strict=True):
            np.testing.assert_array_equal(output, expected[place])


def test_rows_that_wait_are_run_by_length_up_to_the_budget(loop: Loop) -> None:
    gate, said = Gate(), list[Any]()
    with batching(gate, loop) as batcher:
        held(gate, batcher, said)
        for tokens in (20, 3, 20, 3, 20, 12):
            batcher.submit([[1] * tokens], math.inf, said.append)
        gate.open.set()
        loop.turn(lambda: len(said) == 7)
    assert gate.shapes[2:] == [(2, 32), (2, 8), (1, 32), (1, 16)]
    assert sorted(int(outputs[0][0]) for outputs in said) == [1, 3, 3, 12, 20, 20, 20]


def test_a_free_thread_takes_a_row_at_once(loop: Loop) -> None:
    gate, said = Gate(), list[Any]()
    with batching(gate, loop) as batcher:
        for _ in range(3):
            batcher.submit([[1]], math.inf, said.append)
            loop.turn(lambda: len(said) == batcher._number)
    assert gate.shapes[1:] == [(1, 8)] * 3


def test_threads_share_what_waits(loop: Loop) -> None:
    gate, said = Gate(batch_tokens=1024), list[Any]()
    with batching(gate, loop, threads=2) as batcher:
        gate.open.clear()
        batcher.submit([[1]], math.inf, said.append)
        batcher.submit([[1]], math.inf, said.append)
        while batcher.queued_rows:
            time.sleep(0.001)
        batcher.submit([[1]] * 8, math.inf, said.append)
        gate.open.set()
        loop.turn(lambda: len(said) == 3)
    assert max(rows for rows, _ in gate.shapes) == 4


def test_the_wait_is_known_from_what_tokens_took_so_far(loop: Loop) -> None:
    gate, said = Gate(), list[Any]()
    with batching(gate, loop) as batcher:
        assert batcher.wait_seconds == 0
        held(gate, batcher, said)
        batcher._seconds_a_token = 0.001
        for _ in range(3):
            batcher.submit([[1] * 30], math.inf, said.append)
        assert batcher.queued_rows == 3
        assert batcher.wait_seconds == pytest.approx((3 * 32 + 8 / 2) * 0.001)
        gate.open.set()
        loop.turn(lambda: len(said) == 4)
        assert (batcher.queued_rows, batcher.wait_seconds) == (0, 0)


def test_a_cancelled_request_frees_its_place_and_is_never_run(loop: Loop) -> None:
    gate, said = Gate(), list[Any]()
    with batching(gate, loop) as batcher:
        held(gate, batcher, said)
        ticket = batcher.submit([[7]] * 4, math.inf, said.append)
        batcher.submit([[5]], math.inf, said.append)
        batcher.cancel(ticket)
        batcher.cancel(ticket)
        assert batcher.queued_rows == 1
        gate.open.set()
        loop.turn(lambda: len(said) == 2)
    assert [int(outputs[0][0]) for outputs in said] == [1, 5]
    assert gate.shapes[1:] == [(1, 8), (1, 8)]


def test_a_deadline_that_passes_in_the_queue_is_said_and_costs_no_run(
    loop: Loop,
) -> None:
    gate, said = Gate(), list[Any]()
    with batching(gate, loop) as batcher:
        held(gate, batcher, said)
        batcher.submit([[7], [7]], time.monotonic() + 0.01, said.append)
        batcher.submit([[5]], time.monotonic() + 60, said.append)
        time.sleep(0.02)
        gate.open.set()
        loop.turn(lambda: len(said) == 3)
        assert batcher.queued_rows == 0
    assert sum(isinstance(outputs, DeadlineError) for outputs in said) == 1
    assert gate.shapes[1:] == [(1, 8), (1, 8)]


def test_an_engine_s_error_is_told_to_each_request_of_the_batch(loop: Loop) -> None:
    gate, said = Gate(), list[Any]()
    with batching(gate, loop) as batcher:
        held(gate, batcher, said)
        for _ in range(3):
            batcher.submit([[5]], math.inf, said.append)
        gate.error = RuntimeError("broken")
        gate.open.set()
        loop.turn(lambda: len(said) == 4)
        gate.error = None
        batcher.submit([[5]], math.inf, said.append)
        loop.turn(lambda: len(said) == 5)
    assert [isinstance(outputs, RuntimeError) for outputs in said] == [True] * 4 + [False]  # fmt: skip


def test_closing_ends_the_threads(loop: Loop) -> None:
    before = set(threading.enumerate())
    with batching(Gate(), loop, threads=3):
        engines = set(threading.enumerate()) - before
        assert len(engines) == 3
    for thread in engines:
        thread.join(timeout=5)
        assert not thread.is_alive()
