"""A file of instances becomes a file of answers, whatever the file is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from batch.output import errors_of, record_of
from batch.record import RefusedError
from batch.run import PART_BYTES, Asked
from batch.source import SourceError
from containers.flask.artifact import StartError
from containers.flask.predictor import load_predictor
from manifest import read_manifest
from tests.batch.conftest import Run, read, rows, some_lines, write
from tests.containers.conftest import TINY


def test_every_line_has_the_servers_answer_in_its_place(
    asked: Asked, answer: Run
) -> None:
    predictor = load_predictor(read_manifest(TINY / "manifest.json"), TINY)
    summary = answer()
    given, found = rows(asked.source), rows(asked.out)
    errors = rows(errors_of(asked.out))
    assert (summary.lines, summary.errors) == (len(found), len(errors)) == (200, 29)
    assert len(list(asked.out.parent.iterdir())) == 4, "nothing else is left"
    for number, (instance, line) in enumerate(zip(given, found, strict=True), 1):
        is_named = isinstance(instance, dict)
        assert line.pop("id") == (instance["id"] if is_named else number)
        if instance is None:
            assert {"line": number, "id": number, **line} in errors
        else:
            text = instance["text"] if is_named else instance
            assert [line] == predictor.predict([text])


@pytest.mark.parametrize("part_bytes", [300, PART_BYTES])
@pytest.mark.parametrize("cores", [1, 3])
def test_neither_parts_nor_cores_change_a_byte(
    asked: Asked, answer: Run, part_bytes: int, cores: int
) -> None:
    answer()
    wanted = asked.out.read_bytes()
    answer(part_bytes=part_bytes, cores=cores, is_fresh=True)
    assert asked.out.read_bytes() == wanted


@pytest.mark.parametrize(("source", "out"), [("in.gz", "o"), ("in", "o.gz")])
def test_names_that_end_in_gz_are_compressed(
    asked: Asked, answer: Run, source: str, out: str
) -> None:
    answer()
    folder = asked.out.parent
    write(folder / source, some_lines(200))
    answer(source=folder / source, out=folder / out)
    assert read(folder / out) == asked.out.read_bytes()


ONE = b'{"id": 7, "text": "ok"}'


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", 0),
        (b"\xef\xbb\xbf", 0),
        (ONE, 1),
        (ONE + b"\n", 1),
        (ONE + b"\r\n" + ONE + b"\r\n", 2),
        (b"\xef\xbb\xbf" + ONE, 1),
    ],
    ids=["empty", "only a mark", "no end", "an end", "CRLF", "a mark"],
)
@pytest.mark.parametrize("out", ["out.jsonl", "out.jsonl.gz"])
def test_ends_of_lines_and_of_files_are_no_lines(
    asked: Asked, answer: Run, content: bytes, lines: int, out: str
) -> None:
    write(asked.source, content)
    path = asked.out.with_name(out)
    summary = answer(out=path)
    assert (summary.lines, summary.errors) == (lines, 0)
    assert [row["id"] for row in rows(path)] == [7] * lines


def test_a_line_that_cannot_be_read_is_an_error_of_that_line(
    asked: Asked, answer: Run
) -> None:
    write(asked.source, b'"ok"\n"caf\xe9"\n\n"' + b"x" * 300_000 + b'"\n"ok"')
    assert answer().errors == 3
    assert [row.get("label") is None for row in rows(asked.out)] == [0, 1, 1, 1, 0]
    assert [row["line"] for row in rows(errors_of(asked.out))] == [2, 3, 4]


def test_an_id_may_have_another_name(asked: Asked, answer: Run) -> None:
    write(asked.source, b'{"order": "x", "text": "ok"}\n{"id": 1, "text": "ok"}')
    answer(id_field="order")
    first, second = rows(asked.out)
    assert (first["id"], second["id"]) == ("x", 2)
    assert second["error"] == "instance: keys ['id', 'text'] are not ['text']"


def test_a_run_after_a_whole_one_answers_nothing_again(
    asked: Asked, answer: Run
) -> None:
    answer()
    wanted, written = asked.out.read_bytes(), asked.out.stat()
    summary = answer()
    assert (summary.lines, summary.errors, summary.answered) == (200, 29, 0)
    assert asked.out.stat().st_mtime_ns == written.st_mtime_ns
    asked.out.unlink()  # taken away: it is asked for again
    assert answer().answered == 200
    assert asked.out.read_bytes() == wanted


def refused(answer: Run, message: str, **changes: Any) -> None:
    with pytest.raises((RefusedError, SourceError, StartError), match=message):
        answer(**changes)


def test_what_was_made_from_something_else_is_not_gone_on_with(
    asked: Asked, answer: Run
) -> None:
    answer()
    wanted = asked.out.read_bytes()
    refused(answer, "part_bytes was 2000, is 99: go on with the same", part_bytes=99)
    refused(answer, "id_field was 'id', is 'name'", id_field="name")
    write(asked.source, b'"ok"')
    refused(answer, r"out.jsonl.run.json: input_bytes was \d+, is 4: .*--fresh")
    assert asked.out.read_bytes() == wanted
    answer(is_fresh=True)
    assert len(rows(asked.out)) == 1


def test_another_model_is_not_gone_on_with(asked: Asked, answer: Run) -> None:
    answer()
    path = record_of(asked.out)
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": "0" * 12}))
    refused(answer, "version was '000000000000', is '")


def test_a_strangers_file_is_not_written_over(asked: Asked, answer: Run) -> None:
    asked.out.write_text("dear to somebody")
    refused(answer, "out.jsonl: is there; --fresh writes it anew")
    assert asked.out.read_text() == "dear to somebody"
    record_of(asked.out).write_text("[]")
    refused(answer, "out.jsonl.run.json: not what a run has written")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": "none.jsonl"}, "none.jsonl: No such file or directory"),
        ({"source": "."}, ": not a regular file"),
        ({"source": "in.jsonl/x"}, "in.jsonl/x: Not a directory"),
        ({"out": "none/out.jsonl"}, "none/out.jsonl.parts: No such file or directory"),
        ({"out": "."}, "is a directory"),
        ({"out": "in.jsonl"}, "in.jsonl: is the input, and would be written over"),
        ({"out": "link"}, "link: is the input"),
        ({"model": "none"}, "none: no such directory"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_cannot_be_done_is_said_before_anything_is_written(
    asked: Asked, answer: Run, changes: dict[str, str], message: str
) -> None:
    folder = asked.out.parent
    (folder / "link").symlink_to(asked.source)
    before = {path: path.lstat() for path in folder.iterdir()}
    refused(answer, message, **{name: folder / each for name, each in changes.items()})
    assert {path: path.lstat() for path in folder.iterdir()}.keys() == before.keys()
    assert asked.source.stat().st_size == before[asked.source].st_size


def test_the_errors_of_an_earlier_run_may_be_no_input_of_the_same_output(
    asked: Asked, answer: Run
) -> None:
    answer()
    refused(answer, "is the input", source=errors_of(asked.out), is_fresh=True)


def test_an_id_cannot_be_where_the_model_reads(answer: Run) -> None:
    refused(answer, "--id: 'text' is what the model reads", id_field="text")
    refused(answer, "--id: '' names no field", id_field="")


@pytest.mark.parametrize("cut", [5, 100], ids=["in its head", "in its middle"])
def test_half_of_a_gzip_file_is_refused_once_it_ends(
    asked: Asked, answer: Run, cut: int
) -> None:
    path = asked.source.with_suffix(".gz")
    write(path, some_lines(200))
    path.write_bytes(path.read_bytes()[:cut])
    refused(answer, "in.gz: not a whole gzip file: ", source=path)


def test_a_file_that_is_no_gzip_is_refused(asked: Asked, answer: Run) -> None:
    path = asked.source.rename(asked.source.with_suffix(".gz"))
    refused(answer, "in.gz: not a whole gzip file: Not a gzipped file", source=path)


def test_an_input_that_changes_meanwhile_is_refused(
    asked: Asked, answer: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from batch import run

    def load(*given: Any, **named: Any) -> Any:
        with asked.source.open("ab") as file:
            file.write(b'\n"more"')
        return loaded(*given, **named)

    loaded = run.load_lines
    monkeypatch.setattr(run, "load_lines", load)
    refused(answer, "in.jsonl: was changed while it was read")
    assert not asked.out.exists()


def test_the_price_is_said_before_and_after(
    asked: Asked, answer: Run, tmp_path: Path
) -> None:
    from batch.run import text

    summary = answer()
    assert summary.dollars is not None
    assert 0 < summary.dollars < 1
    assert "dollars on Fargate" in text(summary, asked.out)
