"""What the fault benches are made of."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from bench.faults.attacker import HANG_S, Outcome, attack
from bench.faults.malice import known_attacks, mutations
from bench.faults.memory import Watched
from bench.faults.promise import at_least, at_most, none, table
from bench.faults.repeated import widen, zipf
from bench.faults.texts import read_texts


def test_a_promise_is_kept_at_its_bound_and_broken_beyond() -> None:
    assert at_most("a", 2, 2).is_kept
    assert not at_most("a", 2.1, 2).is_kept
    assert at_least("a", 3, 3).is_kept
    assert not at_least("a", 2.9, 3).is_kept
    assert not none("a", 1).is_kept


def test_what_was_not_measured_is_not_kept() -> None:
    assert not at_most("a", float("nan"), 2).is_kept
    assert not at_most("a", float("inf"), 2).is_kept


def test_the_table_says_what_was_measured_and_promised() -> None:
    text = table([at_most("refused, p99", 5.25, 5, "ms"), none("hung", 0)])
    assert "refused, p99" in text
    assert "5.25 ms   at most 5         BROKEN" in text
    assert text.endswith("kept")


def test_growth_is_from_the_second_fifth_to_the_last() -> None:
    assert Watched([50, 100, 100, 100, 103]).growth_percent == pytest.approx(3)
    assert Watched([50, 100]).growth_percent != Watched([50, 100]).growth_percent  # nan


def test_zipf_repeats_few_texts_often_and_is_the_same_each_time() -> None:
    texts = widen(["a", "b"], 100)
    assert len(set(texts)) == 100
    (stretch,) = islice(zipf(texts, 1.0, seed=1), 1)
    (again,) = islice(zipf(texts, 1.0, seed=1), 1)
    assert stretch == again
    counts = Counter(stretch)
    assert counts["a"] / counts["b"] == pytest.approx(2, rel=0.15)
    first, second = islice(zipf(texts, 1.0, seed=1), 2)
    assert first != second


def test_mutations_are_many_and_the_same_each_time() -> None:
    originals = list(known_attacks("/p", "/i").values())
    originals = [content for content in originals if 0 < len(content) < 2000]
    some = list(islice(mutations(originals, seed=1), 1000))
    assert some == list(islice(mutations(originals, seed=1), 1000))
    assert len(set(some)) > 950


def test_texts_are_real_and_distinct(tmp_path: Path) -> None:
    sample = {"instances": ["a", "b", "a"]}
    (tmp_path / "sample.json").write_text(json.dumps(sample))
    texts = read_texts(tmp_path)
    assert texts[-2:] == ["a", "b"]
    assert len(texts) == len(set(texts)) > 30
    known = tmp_path / "known.json"
    known.write_text(json.dumps({"texts": ["x", "y"]}))
    assert read_texts(tmp_path, known) == ["x", "y"]


def against(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """Attack a server that says `answer` to everything and keeps the connection."""
    monkeypatch.setattr("bench.faults.attacker.HANG_S", HANG_S / 20)

    async def run() -> Outcome:
        async def serve(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            writer.write(answer)
            await asyncio.sleep(5)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        outcome = Outcome()
        await attack(port, iter([("one", b"GET / HTTP/1.1\r\n\r\n")]), outcome)
        server.close()
        return outcome

    return asyncio.run(run())


def test_a_server_error_is_minded(monkeypatch: pytest.MonkeyPatch) -> None:
    found = against(b"HTTP/1.1 500 X\r\nContent-Length: 2\r\n\r\nno", monkeypatch)
    assert (found.requests, found.errors, found.hung) == (1, 1, 0)
    assert "500 X" in found.complaints[0]


def test_a_server_that_hangs_is_minded(monkeypatch: pytest.MonkeyPatch) -> None:
    found = against(b"", monkeypatch)
    assert (found.requests, found.errors, found.hung) == (1, 0, 1)


def test_half_an_answer_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    found = against(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", monkeypatch)
    assert found.hung == 1


def test_an_artifact_that_is_none_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "bench.faults", "hostile", str(tmp_path)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: ")
    assert ended.stderr.count("\n") == 1
