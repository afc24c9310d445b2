"""What is finished is whole; what is not whole is not gone on with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from batch.output import open_output
from batch.parts import ANSWERS, NOTHING, Parts
from batch.record import RefusedError
from containers.flask.lines import Answered, Chunk


def answered(part: int, *, ends_part: bool = True) -> Answered:
    chunk = Chunk(part, [1], [b"x"], end=part + 1, ends_part=ends_part)
    return Answered(chunk, b"answer %d\n" % part, b"", 0)


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return Parts(tmp_path, is_zipped=False)


def test_a_part_is_there_once_its_last_answers_are(parts: Parts) -> None:
    parts.add(answered(0, ends_part=False))
    assert parts.last() == NOTHING
    parts.add(answered(0))
    assert (parts.last().lines, parts.last().end) == (2, 1)


def test_counts_go_on_from_part_to_part(parts: Parts, tmp_path: Path) -> None:
    parts.add(answered(0))
    again = Parts(tmp_path, is_zipped=False)
    again.add(answered(3))
    assert again.last().lines == 2
    again.join(ANSWERS, tmp_path / "out")
    assert (tmp_path / "out").read_text() == "answer 0\nanswer 3\n"


def test_what_a_kill_left_of_a_part_is_written_anew(
    parts: Parts, tmp_path: Path
) -> None:
    parts.add(answered(0, ends_part=False))
    again = Parts(tmp_path, is_zipped=False)
    again.add(answered(0))
    assert again.last().lines == 1


@pytest.mark.parametrize("damage", ["", "answer X\n"])
def test_a_part_that_was_damaged_is_not_joined(
    parts: Parts, tmp_path: Path, damage: str
) -> None:
    parts.add(answered(0))
    (tmp_path / "000000000/answers").write_text(damage)
    with pytest.raises(RefusedError, match="000000000/answers: not what was written"):
        parts.join(ANSWERS, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["{", "{}", "[]"])
def test_a_part_without_its_counts_is_refused(
    parts: Parts, tmp_path: Path, text: str
) -> None:
    parts.add(answered(0))
    (tmp_path / "000000000/part.json").write_text(text)
    with pytest.raises(RefusedError, match=r"part\.json: not what was written"):
        parts.last()


def test_parts_are_removed_from_the_last_on(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        parts.add(answered(number))
    left = []
    from batch import parts as module

    rename = module.os.rename

    def watched(old: Path, new: Path) -> None:
        rename(old, new)
        left.append(sorted(p.name[-1] for p in tmp_path.iterdir() if p.name.isdigit()))

    monkeypatch.setattr(module.os, "rename", watched)
    parts.remove()
    assert left == [["0", "1"], ["0"], []]
    assert list(tmp_path.iterdir()) == []


def test_two_runs_do_not_write_one_output(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with open_output(out), pytest.raises(RefusedError, match="another run is writing"):
        open_output(out).__enter__()
    with open_output(out):
        assert (tmp_path / "out.parts").is_dir()
    assert list(tmp_path.iterdir()) == []


def test_the_record_of_a_part_says_what_its_files_hold(
    parts: Parts, tmp_path: Path
) -> None:
    parts.add(answered(0))
    found = json.loads((tmp_path / "000000000/part.json").read_text())
    assert found.keys() == {"lines", "error_lines", "end", "ends_file", "sha256"}
