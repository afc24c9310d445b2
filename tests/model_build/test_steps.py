"""Finished work is recognised; unfinished work is never mistaken for it."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pytest

from model_build.progress import Progress
from model_build.steps import Steps


@pytest.fixture
def steps(tmp_path: Path) -> Steps:
    return Steps(tmp_path / "steps", Progress(stream=io.StringIO()))


def counting(calls: list[Path]):  # type: ignore[no-untyped-def]
    def make(out: Path) -> None:
        calls.append(out)
        (out / "result").write_text("done")

    return make


def test_the_same_inputs_are_done_once(steps: Steps) -> None:
    calls: list[Path] = []
    first = steps.run("train", {"seed": 1}, (), counting(calls))
    again = steps.run("train", {"seed": 1}, (), counting(calls))
    assert first == again
    assert len(calls) == 1
    assert "recognised" in steps.progress.stream.getvalue()  # type: ignore[attr-defined]


def test_another_input_is_another_step(steps: Steps) -> None:
    calls: list[Path] = []
    for seed in (1, 2):
        steps.run("train", {"seed": seed}, (), counting(calls))
    assert len(calls) == 2


def test_a_step_that_was_killed_is_done_again(steps: Steps) -> None:
    def killed(out: Path) -> None:
        (out / "half").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        steps.run("train", 1, (), killed)
    done = steps.run("train", 1, (), counting([]))
    assert not (done.path / "half").exists()
    assert (done.path / "result").is_file()


def test_a_changed_source_file_asks_for_the_work_again(steps: Steps) -> None:
    first = steps.run("train", 1, ("model.py",), counting([]))
    assert first.digest != steps.run("train", 1, ("steps.py",), counting([])).digest


def test_a_step_says_what_it_took(steps: Steps) -> None:
    """Red if a step that was recognised is timed, or memory is that of before."""

    def make(out: Path) -> None:
        time.sleep(0.05)
        (out / "result").write_bytes(bytearray(64 << 20)[:1])

    took = steps.run("train", 1, (), make).took
    again = steps.run("train", 1, (), make).took
    assert took is not None
    assert took == again
    assert 0.05 <= took.seconds < 5
    light = steps.run("train", 2, (), counting([])).took
    assert light is not None
    if took.peak_mib is not None and light.peak_mib is not None:
        assert took.peak_mib > light.peak_mib + 32


def test_a_step_made_in_several_goes_says_nothing(steps: Steps) -> None:
    """Red if the time of the last go passes for the whole."""

    def killed(out: Path) -> None:
        with steps.kept(out):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        steps.run("train", 1, (), killed)

    def finished(out: Path) -> None:
        with steps.kept(out):
            (out / "result").write_text("done")

    assert steps.run("train", 1, (), finished).took is None
    assert steps.run("train", 2, (), finished).took is not None


@pytest.mark.parametrize("damage", ["cut", "gone", "unsealed"])
def test_a_damaged_step_is_noticed_and_made_again(steps: Steps, damage: str) -> None:
    done = steps.run("train", 1, (), counting([]))
    if damage == "cut":
        (done.path / "result").write_text("do")
    else:
        (done.path / {"gone": "result", "unsealed": ".sha256.json"}[damage]).unlink()
    calls: list[Path] = []
    again = steps.run("train", 1, (), counting(calls))
    assert len(calls) == 1
    assert (again.path / "result").read_text() == "done"
