"""Every engine answers each row as if it were alone, for every task."""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from containers.flask.artifact import StartError
from containers.flask.engine import Engine, load_engine, row_shapes
from containers.flask.task import Encoded, Item, load_task
from manifest import Manifest, read_manifest
from tests.containers.conftest import TINY, TINY_OPENVINO, TINY_QA
from tests.containers.test_question_answering import sentence


class Served:
    """An artifact's task, engine and manifest, as a server holds them."""

    def __init__(self, directory: Path) -> None:
        self.manifest: Manifest = read_manifest(directory / "manifest.json")
        self.task = load_task(self.manifest, directory)
        if self.manifest.engine == "openvino":
            pytest.importorskip("openvino", reason="make install has it")
        self.engine: Engine = load_engine(self.manifest, directory, 2)

    def items(self, count: int, seed: int) -> list[Item]:
        words = random.Random(seed)
        is_pair = self.manifest.task == "question-answering"
        return [
            Item(
                sentence(words, words.randint(1, 20)),
                sentence(words, words.randint(1, 60)) if is_pair else "",
            )
            for _ in range(count)
        ]

    def padded(self, rows: Sequence[list[int]]) -> NDArray[np.int32]:
        """Rows of any length, padded to the shortest bucket that holds them all."""
        longest = max(map(len, rows))
        length = self.manifest.lengths[bisect_left(self.manifest.lengths, longest)]
        ids = np.zeros((len(rows), length), np.int32)
        for place, row in enumerate(rows):
            ids[place, : len(row)] = row
        return ids

    def alone(self, encoded: Encoded) -> Any:
        outputs = [self.engine.run(self.padded([row]))[0] for row in encoded.rows]
        return self.task.answer(encoded, outputs)


ARTIFACTS = [TINY, TINY_QA, TINY_OPENVINO]


@pytest.fixture(scope="module", params=ARTIFACTS, ids=lambda path: path.name)
def served(request: pytest.FixtureRequest) -> Served:
    return Served(request.param)


def test_answers_have_the_shape_that_the_manifest_asks_for(served: Served) -> None:
    for length, shape in row_shapes(served.manifest).items():
        ids = np.full((3, length), 5, np.int32)
        assert served.engine.run(ids).shape == (3, *shape)


def test_a_row_answers_the_same_in_every_batch_bit_for_bit(served: Served) -> None:
    words = random.Random(1)
    rows = [row for e in served.task.encode(served.items(40, 2)) for row in e.rows]
    for _ in range(60):
        some = words.choices(rows, k=words.randint(1, 20))
        ids = served.padded(some)
        together = served.engine.run(ids)
        for row, output in zip(ids, together, strict=True):
            np.testing.assert_array_equal(served.engine.run(row[np.newaxis])[0], output)


def test_answers_do_not_mix_between_threads(served: Served) -> None:
    encoded = served.task.encode(served.items(60, 3))
    wanted = [served.alone(each) for each in encoded]
    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(served.alone, encoded)) == wanted
    assert len({str(answer) for answer in wanted}) > 20, "a test of nothing"


def test_an_answer_to_a_question_comes_out_of_its_context() -> None:
    served = Served(TINY_QA)
    for encoded in served.task.encode(served.items(60, 4)):
        answer = served.alone(encoded)
        context = encoded.item.context
        assert answer["answer"] == context[answer["start"] : answer["end"]] != ""


def test_the_graph_tells_a_context_from_a_question_by_the_separator() -> None:
    served = Served(TINY_QA)
    (one,) = served.task.encode([Item("my order never", "came")])
    (other,) = served.task.encode([Item("my order", "never came")])
    first, second = (served.padded(each.rows) for each in (one, other))
    assert np.count_nonzero(first) == np.count_nonzero(second)
    assert np.abs(served.engine.run(first) - served.engine.run(second)).max() > 0.01


@pytest.mark.parametrize("directory", [TINY, TINY_OPENVINO], ids=lambda p: p.name)
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ("no", "yes")}, r"answers \(1, 3\), \(1, 2\) wanted"),
        (
            {"task": "question-answering", "labels": ()},
            r"answers \(1, 3\), \(1, 8, 2\)",
        ),
    ],
)
def test_refuses_a_model_that_is_not_what_the_manifest_says(
    directory: Path, changes: dict[str, Any], message: str
) -> None:
    manifest = replace(read_manifest(directory / "manifest.json"), **changes)
    if manifest.engine == "openvino":
        pytest.importorskip("openvino", reason="make install has it")
    with pytest.raises(StartError, match=rf"model\.(tflite|xml): .*{message}"):
        load_engine(manifest, directory, 1)


def test_refuses_a_file_that_is_no_model_of_openvino(tmp_path: Path) -> None:
    pytest.importorskip("openvino", reason="make install has it")
    manifest = read_manifest(TINY_OPENVINO / "manifest.json")
    (tmp_path / "openvino").mkdir()
    (tmp_path / "openvino/model.xml").write_text("<net>")
    with pytest.raises(StartError, match=r"model\.xml: "):
        load_engine(manifest, tmp_path, 1)
