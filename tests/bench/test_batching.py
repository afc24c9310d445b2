"""The search offers what was due, counts what never came, and writes a config."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from bench.open_loop import Outcome, RefusedError, offer
from tests.conftest import ManifestFactory

ROOT = Path(__file__).parents[2]


def test_a_refused_or_wrong_answer_never_came() -> None:
    found = Outcome(offered=100, refused=1, wrong=1, seconds=1, latencies_ms=[5.0] * 98)
    assert found.quantile_ms(0.5) == 5.0
    assert found.quantile_ms(0.98) == float("inf")


def test_arrivals_do_not_wait_for_answers() -> None:
    def slow(text: str) -> str:
        time.sleep(0.2)
        return text

    found = offer(slow, ["a"], ["a"], rate=100, seconds=0.5, seed=1)
    assert found.offered > 25
    assert found.quantile_ms(0) >= 200


def test_refusals_and_wrong_answers_are_counted() -> None:
    def ask(text: str) -> str:
        if text == "refuse":
            raise RefusedError(text)
        return text

    texts, right = ["refuse", "a", "b"], ["x", "a", "not b"]
    found = offer(ask, texts, right, rate=300, seconds=0.2, seed=1)
    assert found.refused > 0
    assert found.wrong > 0
    assert found.offered == found.refused + found.wrong + len(found.latencies_ms)


@pytest.mark.tf
def test_the_largest_request_finds_room_in_the_queue_that_is_written(
    make_manifest: ManifestFactory,
) -> None:
    from bench.batching import Setting, Trial, config

    found = Outcome(10, 0, 0, 1.0, [5.0] * 10)
    winner = Trial(Setting(size=8, timeout_us=0, threads=1, intra=2), 40.0, found)
    text = config(winner, make_manifest(max_batch=32), cores=2, p99_ms=100)
    assert "max_batch_size { value: @MAX_BATCH@ }" in text
    assert "max_enqueued_batches { value: 5 }" in text  # 4 batches of 8, and one more
    assert "num_batch_threads { value: 1 }" in text


def test_the_image_s_threads_are_those_that_its_batching_was_found_with() -> None:
    flag = re.compile(r"--tensorflow_intra_op_parallelism=(\d+)")
    folder = ROOT / "containers" / "tf_serving"
    (told,) = flag.findall((folder / "batching.config").read_text())
    (set_,) = flag.findall((folder / "Dockerfile").read_text())
    assert told == set_
