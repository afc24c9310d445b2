"""The open-loop client against small servers whose behaviour is known."""

from __future__ import annotations

import json
import socket
import statistics
import time
from itertools import pairwise
from pathlib import Path

import pytest

from bench.serving.offered import Offered, OfferError, Question, offer
from bench.serving.open_loop import Schedule
from bench.serving.poisson import read_questions
from tests.bench.test_load import Answer, server

QUESTIONS = [Question("my bag is lost", "negative"), Question("thanks", "positive")]


def ask(port: int, rate: float, seconds: float, **options: int) -> Offered:
    return offer(port, "/x", QUESTIONS, rate=rate, seconds=seconds, **options)  # type: ignore[arg-type]


def label_of(body: bytes) -> bytes:
    text = json.loads(body)["instances"][0]
    label = next(q.label for q in QUESTIONS if q.text == text)
    return json.dumps({"predictions": [{"label": label, "score": 0.9}]}).encode()


def right(_: int, body: bytes) -> tuple[int, bytes]:
    return 200, label_of(body)


def test_the_schedule_is_poisson_and_the_same_for_one_seed() -> None:
    contents: list[tuple[bytes, str | None]] = [(b"a", None), (b"b", None)]
    due = [r.scheduled for r in Schedule(contents, rate=100, seconds=100, seed=1)]
    gaps = [after - before for before, after in pairwise(due)]
    assert due == sorted(due)
    assert due[-1] < 100
    assert 0.97 < len(due) / 10_000 < 1.03
    # Of an exponential distribution the deviation is the mean, and 1/e exceed it.
    assert 0.95 < statistics.stdev(gaps) / statistics.mean(gaps) < 1.05
    assert 0.35 < sum(gap > 0.01 for gap in gaps) / len(gaps) < 0.39
    again = [r.scheduled for r in Schedule(contents, rate=100, seconds=100, seed=1)]
    other = [r.scheduled for r in Schedule(contents, rate=100, seconds=100, seed=2)]
    assert due == again != other


def test_the_schedule_asks_each_text_once_a_cycle() -> None:
    contents: list[tuple[bytes, str | None]] = [(b"%d" % n, None) for n in range(50)]
    asked = [r.content for r in Schedule(contents, rate=50, seconds=9, seed=3)]
    assert len(set(asked[:50])) == 50
    assert asked[:50] == asked[50:100]


def test_counts_right_answers_and_its_own_cpu() -> None:
    with server(right) as port:
        offered = ask(port, 100, 1)
    assert offered.scheduled == len(offered.answers_ms)
    assert offered.goodput == offered.scheduled
    assert (offered.wrong, offered.failed, offered.lost) == (0, 0, 0)
    assert 0 < offered.client_cpu_seconds < 5
    assert 1 <= offered.connections < offered.scheduled


def test_latency_counts_from_the_schedule_when_the_server_stalls() -> None:
    """Half a second of silence on one connection is charged to all who waited."""

    def stall(number: int, body: bytes) -> tuple[int, bytes]:
        time.sleep(0.5 if number == 0 else 0)
        return right(number, body)

    with server(stall) as port:
        offered = ask(port, 100, 1, connections=1)
    # A client that waits before it sends would have seen one slow answer.
    assert sum(latency > 100 for latency in offered.answers_ms) > 20
    assert offered.quantile_ms(0.99) > 400


def test_notices_a_wrong_answer() -> None:
    def sometimes(number: int, body: bytes) -> tuple[int, bytes]:
        answer = b'{"predictions": [{"label": "neutral"}]}'
        return 200, answer if number == 3 else label_of(body)

    with server(sometimes) as port:
        offered = ask(port, 100, 0.5)
    assert offered.wrong == 1
    assert offered.scheduled == len(offered.answers_ms) + 1
    assert "neutral" in offered.complaint


@pytest.mark.parametrize("body", [b"{}", b"\xff", b'{"predictions": []}', b""])
def test_an_answer_without_a_label_is_wrong(body: bytes) -> None:
    with server(lambda *_: (200, body)) as port:
        offered = ask(port, 50, 0.2)
    assert offered.wrong == offered.scheduled > 0


@pytest.mark.parametrize("status", [429, 503])
def test_counts_refusals_apart_and_no_quantile_hides_them(status: int) -> None:
    def refuse(number: int, body: bytes) -> tuple[int, bytes]:
        return (status, b"{}") if number % 2 else right(number, body)

    with server(refuse) as port:
        offered = ask(port, 100, 0.5)
    assert len(offered.refusals_ms) == pytest.approx(offered.scheduled / 2, abs=1)
    assert len(offered.answers_ms) + len(offered.refusals_ms) == offered.scheduled
    assert offered.refusal_quantile_ms(0.5) < float("inf")
    assert offered.accepted_quantile_ms(0.99) < float("inf")
    assert offered.quantile_ms(0.99) == float("inf")
    assert offered.failed == 0


def test_any_other_status_has_failed() -> None:
    with server(lambda *_: (500, b"oh")) as port:
        offered = ask(port, 50, 0.2)
    assert offered.failed == offered.scheduled > 0
    assert offered.complaint == "500: oh"


def test_what_is_not_answered_in_time_is_lost() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        offered = ask(silent.getsockname()[1], 50, 0.2, patience_s=1)
    assert offered.lost == offered.scheduled > 0
    with server(right) as port:
        pass
    offered = ask(port, 50, 0.2)
    assert offered.lost == offered.scheduled > 0
    assert "refused" in offered.complaint


@pytest.mark.parametrize("answer", [right, lambda *_: (429, b"{}")])
def test_the_pool_keeps_to_its_bound(answer: Answer) -> None:
    def slowly(number: int, body: bytes) -> tuple[int, bytes]:
        time.sleep(0.05)
        return answer(number, body)

    with server(slowly) as port:
        offered = ask(port, 200, 0.3, connections=3)
    assert offered.connections == 3
    assert offered.lost == 0


def test_says_when_it_fell_behind() -> None:
    """More than any client in Python sends: the window measured the client."""
    with server(right) as port:
        offered = ask(port, 2_000_000, 0.3, connections=2, patience_s=1)
    assert not offered.kept_schedule
    assert offered.late_p99_ms > 20


def test_reads_plain_lines_and_json_lines(tmp_path: Path) -> None:
    (tmp_path / "plain.txt").write_text('"hi" he said\n\nü\n')
    (tmp_path / "texts.jsonl").write_text('"a"\n{"text": "b", "label": "c"}\n')
    plain = read_questions(str(tmp_path / "plain.txt"))
    assert plain == [Question('"hi" he said'), Question("ü")]
    known = read_questions(str(tmp_path / "texts.jsonl"))
    assert known == [Question("a"), Question("b", "c")]
    (tmp_path / "texts.jsonl").write_text('"a"\nb\n')
    with pytest.raises(OfferError, match=r"texts.jsonl:2: not a JSON string"):
        read_questions(str(tmp_path / "texts.jsonl"))


def test_says_in_one_line_why_it_cannot_run() -> None:
    with pytest.raises(OfferError, match=r"^error: -: no texts$"):
        offer(1, "/x", [], rate=1, seconds=0.1)
