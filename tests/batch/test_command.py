"""The command: what it prints, what it returns, and how it ends when it is stopped."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from batch.__main__ import main
from batch.run import Asked
from tests.batch.conftest import rows, some_lines, write
from tests.containers.conftest import TINY

ROOT = Path(__file__).parents[2]


def command(asked: Asked, *options: str) -> list[str]:
    paths = (asked.model, asked.source, asked.out)
    return [sys.executable, "-m", "batch", "run", *map(str, paths), *options]


def begin(asked: Asked, *options: str, bytes_a_file: int = -1) -> subprocess.Popen[str]:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_a_file, bytes_a_file))

    return subprocess.Popen(
        command(asked, *options),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limit,
    )


def test_says_what_it_did(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command(asked, "--cores", "1")[3:]) == 0
    said = capsys.readouterr()
    assert "out.jsonl: 200 lines, 29 without an answer; 200 in " in said.out
    assert "about 200 lines; the build has not measured" in said.err
    assert main(command(asked)[3:]) == 0
    assert "none was left to answer" in capsys.readouterr().out


def test_says_it_as_json(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command(asked, "--json", "--id", "name")[3:]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["lines"], said["answered"], said["model"]) == (
        200,
        200,
        "tiny-sentiment",
    )
    assert 20 < said["peak_mib"] < 1000
    assert said["texts_per_second"] == pytest.approx(200 / said["seconds"], rel=0.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["none", "in", "out"],
            "error: none: no such directory; in an image MODEL_DIR",
        ),
        ([str(TINY), "none", "out"], "error: none: No such file or directory"),
    ],
)
def test_an_error_is_one_line(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *options]) == 2
    said = capsys.readouterr().err
    assert said.startswith(message)
    assert said.count("\n") == 1


@pytest.mark.parametrize("cores", ["0", "-1", "x", "1025", "9" * 9999])
def test_refuses_cores_that_cannot_be(asked: Asked, cores: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(command(asked, "--cores", cores)[3:])


def test_a_full_disk_is_said_and_the_same_command_goes_on(asked: Asked) -> None:
    write(asked.source, some_lines(300))
    full = begin(asked, bytes_a_file=8000)
    _, said = full.communicate(timeout=120)
    assert full.returncode == 2
    assert said.splitlines()[-1].startswith("error: ")
    assert "File too large; the same command goes on" in said
    assert "Traceback" not in said
    assert not asked.out.exists()
    roomy = begin(asked)
    roomy.communicate(timeout=120)
    assert roomy.returncode == 0
    assert len(rows(asked.out)) == 300


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_by_a_signal_it_says_that_it_goes_on(
    asked: Asked, number: signal.Signals
) -> None:
    write(asked.source, some_lines(100_000))
    running = begin(asked)
    assert running.stderr is not None
    assert "lines" in running.stderr.readline()
    running.send_signal(number)
    out, said = running.communicate(timeout=60)
    assert running.returncode == 128 + number
    assert out == ""
    assert said.splitlines()[-1].startswith("stopped; finished parts are kept, and the")
    assert "Traceback" not in said
    assert not asked.out.exists()


def test_memory_does_not_grow_with_the_input(asked: Asked) -> None:
    peaks = []
    asked = replace(asked, source=asked.source.with_suffix(".gz"))
    for count in (100, 600):  # lines of 100 kB
        write(asked.source, (b'"' + b"x" * 100_000 + b"\n") * count)
        out, _ = begin(asked, "--json", "--fresh").communicate(timeout=240)
        assert json.loads(out)["errors"] == count
        peaks.append(json.loads(out)["peak_mib"])
    assert peaks[1] < peaks[0] + 15
