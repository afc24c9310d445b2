from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter  # type: ignore[import-untyped]
from numpy.typing import NDArray
from tokenizers import Tokenizer

from containers.flask.artifact import StartError
from containers.flask.engine import Engine, load_engine
from containers.flask.litert import LiteRTEngine
from containers.flask.predictor import Predictor
from containers.flask.task import load_task, read_tokenizer
from manifest import Manifest
from tests.containers.conftest import TINY

Answer = dict[str, Any]

TEXTS = [
    "My order never came and nobody answers the phone, this is awful.",
    "Thank you!",
    "When does the store on the high street open on Sundays?",
    "ok",
    "Great flight, kind crew, I will surely book with you again. " * 5,
    "Ünïcödé ☃ 😀",
    "Is there a charge for a second bag to Denver?",
]


def alone(text: str, manifest: Manifest) -> Answer:
    """The same answer from the library's own parts, one text at a time."""
    tokenizer = Tokenizer.from_file(str(TINY / "litert/tokenizer.json"))
    tokenizer.encode_special_tokens = True
    tokenizer.enable_truncation(manifest.lengths[-1])
    ids = tokenizer.encode(text).ids
    length = min(length for length in manifest.lengths if length >= len(ids))
    interpreter = Interpreter(model_path=str(TINY / "litert/model.tflite"))
    run = interpreter.get_signature_runner(f"tokens_{length}")
    padded = np.array([ids + [0] * (length - len(ids))], np.int32)
    row = run(ids=padded)["probabilities"][0]
    return {
        "label": manifest.labels[row.argmax()],
        "score": round(float(row.max()), 6),
    }


@pytest.fixture(scope="module")
def expected(tiny_manifest: Manifest) -> dict[str, Answer]:
    return {text: alone(text, tiny_manifest) for text in TEXTS}


def test_answers_as_the_model_does_for_each_text_alone(
    tiny_predictor: Predictor, expected: dict[str, Answer]
) -> None:
    assert len({p["score"] for p in expected.values()}) == len(TEXTS), (
        "a test of nothing"
    )
    assert tiny_predictor.predict(TEXTS) == [expected[text] for text in TEXTS]


def test_an_answer_depends_neither_on_its_neighbours_nor_on_their_order(
    tiny_predictor: Predictor, expected: dict[str, Answer]
) -> None:
    shuffle = random.Random(5)
    for _ in range(50):
        texts = shuffle.choices(TEXTS, k=shuffle.randint(1, 8))
        assert tiny_predictor.predict(texts) == [expected[text] for text in texts]


def test_answers_do_not_mix_between_threads(
    tiny_predictor: Predictor, expected: dict[str, Answer]
) -> None:
    texts = TEXTS * 40
    with ThreadPoolExecutor(8) as threads:
        answers = threads.map(lambda text: tiny_predictor.predict([text])[0], texts)
    assert list(answers) == [expected[text] for text in texts]


def test_a_text_longer_than_the_longest_signature_is_cut(
    tiny_predictor: Predictor,
) -> None:
    long = "order " * 100
    cut, uncut = tiny_predictor.predict([long, long + "thank you so much"])
    assert cut == uncut


def test_a_special_token_that_somebody_typed_is_text(
    tiny_predictor: Predictor,
) -> None:
    typed, split = tiny_predictor.predict(["when [PAD] never", "when [ PAD ] never"])
    assert typed == split


class Recording:
    """An engine that remembers what it was asked to run."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def run(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        self.shapes.append(ids.shape)
        return np.full((len(ids), 3), 1 / 3, np.float32)


def test_each_text_runs_at_the_shortest_length_that_holds_it(
    tiny_manifest: Manifest,
) -> None:
    engine = Recording()
    predictor = Predictor(load_task(tiny_manifest, TINY), engine, (8, 16, 32))
    texts = ["? " * (tokens - 2) for tokens in (8, 9, 3, 17, 40)]  # and [CLS] [SEP]
    predictor.predict(texts)
    assert engine.shapes == [(1, 8), (1, 16), (1, 8), (1, 32), (1, 32)]


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_the_number_of_cores_changes_no_answer(
    tiny_manifest: Manifest, tiny_engine: Engine, cores: int
) -> None:
    engine = load_engine(tiny_manifest, TINY, cores)
    ids = np.arange(5 * 16, dtype=np.int32).reshape(5, 16) % 97 + 4
    answers = engine.run(ids)
    assert answers.shape == (5, 3)
    np.testing.assert_array_equal(answers, tiny_engine.run(ids))


def test_an_error_in_the_engine_leaves_it_usable(tiny_engine: Engine) -> None:
    for _ in range(4):  # more than there are interpreters
        with pytest.raises(KeyError):
            tiny_engine.run(np.ones((1, 9), np.int32))
    assert tiny_engine.run(np.ones((1, 8), np.int32)).shape == (1, 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lengths": (8, 99)}, "tokens_99"),
        ({"labels": ("no", "yes")}, r"answers \(1, 3\), \(1, 2\) wanted"),
    ],
)
def test_refuses_a_model_that_is_not_what_the_manifest_says(
    tiny_manifest: Manifest, changes: dict[str, Any], message: str
) -> None:
    manifest = replace(tiny_manifest, **changes)
    with pytest.raises(StartError, match=rf"model.tflite: .*{message}"):
        load_engine(manifest, TINY, 1)


def test_refuses_a_file_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(b"not a flatbuffer" * 100)
    with pytest.raises(StartError, match=r"model\.tflite"):
        LiteRTEngine(tmp_path / "model.tflite", shapes={8: (3,)}, cores=1)


def test_refuses_a_file_that_is_no_tokenizer(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(StartError, match=r"tokenizer\.json: not a tokenizer"):
        read_tokenizer(tmp_path / "tokenizer.json")
