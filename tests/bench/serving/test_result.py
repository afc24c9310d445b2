"""What is read off a run, and how it is written down."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.serving.contenders import BENTOML, OURS
from bench.serving.picture import picture
from bench.serving.result import Ran, Result, read_result, write_result
from bench.serving.search import Window
from bench.serving.table import table, with_table, write_readme

README = Path(__file__).parents[3] / "bench" / "serving" / "README.md"


def window(server: str, number: int, rate: float, cpu: float) -> Window:
    count = int(rate * 5)
    return Window(
        server, number, rate, count, count, 0, 0, 0, 0, 5.0, 80.0, cpu, 0.1, 1.0, True, 5
    )  # fmt: skip


@pytest.fixture
def result() -> Result:
    """Six rounds: ours twice the requests at a third of the CPU time each."""
    best = []
    for number in range(1, 7):
        best.append(window(OURS, number, 400 + 4 * number, 5.0))
        best.append(window(BENTOML, number, 200 + 2 * number, 7.5))
    lost = replace(best[-1], round=0, p99_ms=math.inf, refused=9, wrong=10)
    servers = [
        Ran(OURS, {}, [({}, 400.0)], 0.7, 150.0),
        Ran(BENTOML, {"workers": 2}, [({"workers": 1}, 90.0), ({"workers": 2}, 200.0)], 3.0, 400.0),
    ]  # fmt: skip
    return Result("a machine", "m int8 1", 3, 5, 100, servers, best, [*best, lost])


def test_ratios_are_of_a_rounds_pairs(result: Result) -> None:
    rates, cpu = result.rates(BENTOML), result.cpu(BENTOML)
    assert (rates.median, rates.low, rates.high) == pytest.approx((2, 2, 2))
    assert cpu.median == pytest.approx(3)
    assert rates.rounds == 6


def test_wrong_answers_are_counted_over_all_windows(result: Result) -> None:
    assert result.wrong_share(OURS) == 0
    assert 0 < result.wrong_share(BENTOML) < 0.01


def test_a_run_is_read_as_it_was_written(result: Result, tmp_path: Path) -> None:
    write_result(result, tmp_path / "result.json")
    assert read_result(tmp_path / "result.json") == result


def test_the_table_names_every_server_and_the_intervals(result: Result) -> None:
    text = table(result)
    assert OURS in text
    assert "2.00x [2.00, 2.00]" in text
    assert "3.00x [3.00, 3.00]" in text


def test_the_readme_keeps_its_words_and_gets_the_table(
    result: Result, tmp_path: Path
) -> None:
    text = with_table(README.read_text("utf-8"), result)
    assert with_table(text, result) == text
    assert "**2 workers: 200**" in text
    (tmp_path / "README.md").write_text(text)
    write_readme(result, tmp_path)
    assert (tmp_path / "README.md").read_text() == text


def test_the_picture_has_a_line_and_a_name_for_each_server(result: Result) -> None:
    root = ElementTree.fromstring(picture(result))
    space = "{http://www.w3.org/2000/svg}"
    assert len(root.findall(f"{space}polyline")) == 2
    names = [t.text for t in root.findall(f"{space}text")]
    assert {OURS, BENTOML, "p99 100 ms"} <= set(names)
    inside = [float(c.attrib["cy"]) for c in root.findall(f"{space}circle")]
    assert len(inside) == len(result.windows)
    assert min(inside) >= 24


@pytest.mark.skipif(
    not (README.parent / "result.json").is_file(), reason="no run was committed yet"
)
def test_the_committed_table_is_the_committed_runs() -> None:
    result = read_result(README.parent / "result.json")
    text = README.read_text("utf-8")
    assert with_table(text, result) == text
    assert (README.parent / "latency.svg").read_text("utf-8") == picture(result)
