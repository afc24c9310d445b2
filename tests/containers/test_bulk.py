"""What a server answers to each instance, many at once."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from werkzeug.exceptions import BadRequest

from containers.flask.bulk import ROWS, Bulk, in_order
from containers.flask.engine import load_engine
from containers.flask.predictor import Predictor
from containers.flask.task import load_task
from manifest import Manifest, read_manifest
from tests.containers.conftest import TINY, TINY_OPENVINO, TINY_QA
from tests.containers.test_question_answering import sentence


class Both:
    """An artifact's instances answered by the chunk, and each of them alone."""

    def __init__(self, directory: Path) -> None:
        self.manifest: Manifest = read_manifest(directory / "manifest.json")
        if self.manifest.engine == "openvino":
            pytest.importorskip("openvino", reason="make install has it")
        engine = load_engine(self.manifest, directory, 2)
        parts = (load_task(self.manifest, directory), engine, self.manifest.lengths)
        self.bulk, self.predictor = Bulk(*parts), Predictor(*parts)

    def instances(self, count: int) -> list[Any]:
        words = random.Random(count)
        if self.manifest.task != "question-answering":
            return [sentence(words, words.randint(1, 40)) for _ in range(count)]
        return [
            {"question": sentence(words, 5), "context": sentence(words, length)}
            for length in words.choices(range(1, 80), k=count)
        ]


@pytest.fixture(
    scope="module", params=[TINY, TINY_QA, TINY_OPENVINO], ids=lambda path: path.name
)
def both(request: pytest.FixtureRequest) -> Both:
    return Both(request.param)


@pytest.mark.parametrize("count", [0, 1, 150])
def test_a_chunk_is_answered_as_each_of_its_instances_alone_bit_for_bit(
    both: Both, count: int
) -> None:
    instances = both.instances(count)
    answers = both.bulk.answer(instances)
    assert answers == [both.predictor.predict([one])[0] for one in instances]


def test_what_cannot_be_answered_says_why_in_its_place(both: Both) -> None:
    good = both.instances(2)
    first, wrong, empty, last = both.bulk.answer([good[0], 7, [], good[1]])
    assert [first, last] == both.predictor.predict(good)
    assert isinstance(wrong, BadRequest)
    assert isinstance(empty, BadRequest)
    assert wrong.description is not None
    assert wrong.description.startswith("instance: a number is not ")


def test_a_context_of_too_many_windows_refuses_nobody_beside_it() -> None:
    both = Both(TINY_QA)
    good = both.instances(3)
    long = {"question": "when", "context": "my order never came " * 3000}
    *answers, refused = both.bulk.answer([*good, long])
    assert answers == both.predictor.predict(good)
    assert isinstance(refused, BadRequest)
    assert "tokens beside a question" in str(refused.description)


class Recording:
    """An engine that remembers what it was asked to run."""

    batch_tokens = 1600  # 200 rows of 8

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def run(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        self.shapes.append(ids.shape)
        return np.full((len(ids), 3), 1 / 3, np.float32)


def test_rows_of_one_length_run_together_as_many_as_the_engine_gains_from(
    tiny_manifest: Manifest,
) -> None:
    engine = Recording()
    bulk = Bulk(load_task(tiny_manifest, TINY), engine, (8, 16, 32))
    short, long = "? " * 6, "? " * 30  # and [CLS] [SEP]
    bulk.answer([short, long] * (ROWS + 1))
    assert sorted(engine.shapes) == [(1, 32), (ROWS, 32), (ROWS + 1, 8)]


def test_results_come_in_order_and_few_chunks_are_held() -> None:
    taken, given = [], []

    def chunks() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    gate = threading.Semaphore(0)

    def slow(number: int) -> int:
        if number % 7 == 0:  # later ones overtake it
            gate.acquire(timeout=0.01)
        return number

    for found in in_order(slow, chunks(), threads=3):
        given.append(found)
        assert len(taken) - len(given) <= 2 * 3 + 1
    assert given == list(range(100))


def test_what_goes_wrong_in_a_thread_is_raised_in_its_place() -> None:
    def fail(number: int) -> int:
        if number == 5:
            raise KeyError(number)
        return number

    found = in_order(fail, range(50), threads=2)
    assert [next(found) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(KeyError):
        next(found)
