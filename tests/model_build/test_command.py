"""What is wrong is one line on stderr and exit code 2, of a plan as of a build."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from model_build.__main__ import main
from model_build.checkpoint import FILES
from tests.model_build.conftest import SpecFactory

COMMIT = "a" * 40
ZEROS = "0" * 64

pytestmark = pytest.mark.tf  # the command imports the whole build


def refused(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> str:
    """The line that `plan` and the build both say; the build has written nothing."""
    said = []
    out = tmp_path / "out"
    for command in (["plan", *arguments], [*arguments, "--out", str(out)]):
        assert main(command) == 2
        lines = capsys.readouterr().err.splitlines()
        said.append(next(line for line in lines if line.startswith("error: ")))
    assert said[0] == said[1]
    assert not out.exists()
    return said[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"seed": "seed = -3"}, "toy.toml: seed: -3", id="a bad spec"),
        pytest.param(
            {"data_source": 'source = "file:{tmp}/mesages.csv"'},
            "mesages.csv: no such file",
            id="misspelt",
        ),
        pytest.param(
            {"data_source": 'source = "file:{tmp}/checkpoint"'},
            "checkpoint: is not a file",
            id="a directory",
        ),
        pytest.param(
            {"data_source": 'source = "hub:owner/name@main/train.jsonl"'},
            "'main' is no commit",
            id="a branch",
        ),
        pytest.param(
            {"data_source": f'source = "hub:owner/name@{COMMIT}"'},
            "name a file: hub:OWNER/NAME@COMMIT/FILE",
            id="no file of a repository",
        ),
        pytest.param(
            {
                "data_source": f'source = "file:{{tmp}}/messages.csv"\nsha256 = "{ZEROS}"'
            },
            f"the spec says {ZEROS}",
            id="another table",
        ),
        pytest.param(
            {"shares": '[data.test]\nsource = "file:{tmp}/test.csv"'},
            "test.csv: no such file",
            id="no test table",
        ),
        pytest.param(
            {
                "checkpoint_source": 'source = "dir:{tmp}/checkpoint"\n'
                f'sha256 = {{{{ "config.json" = "{ZEROS}" }}}}'
            },
            f"the spec says {ZEROS}",
            id="another checkpoint",
        ),
        pytest.param(
            {
                "checkpoint_source": 'source = "dir:{tmp}/checkpoint"\n'
                f'sha256 = {{{{ "modle.safetensors" = "{ZEROS}" }}}}'
            },
            "['modle.safetensors'] are none of config.json",
            id="a digest of no file",
        ),
        pytest.param(
            {"serving": "[serving]\nlengths = [64]"},
            "serving.lengths: 64 is above",
            id="too long",
        ),
        pytest.param(
            {
                "distill": '[[passes]]\nvariant = "student"\nname = "distill"\nlayers = 9'
            },
            "toy.toml: passes[1].layers: 9",
            id="more layers than there are",
        ),
    ],
)
def test_plan_and_build_refuse_alike(
    write_spec: SpecFactory,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, str],
    message: str,
) -> None:
    lines = {name: line.format(tmp=tmp_path) for name, line in changes.items()}
    assert message in refused([str(write_spec(**lines))], tmp_path, capsys)


def test_a_context_of_too_many_windows_is_refused(
    write_spec: SpecFactory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {
            "question": "was the bag lost ?",
            "context": f"the agent {number} was great " * (500 if number == 7 else 1),
            "answers": {"text": ["agent"], "answer_start": [4]},
            "title": f"article {number}",
        }
        for number in range(40)
    ]
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    spec = write_spec(
        task='task = "question-answering"',
        labels="",
        data_source=f'source = "file:{path}"\ntext = ["question", "context"]\n'
        'group = "title"\nduplicates = "exact"',
        confidence="",
        gates='[[gates]]\nmeasure = "f1"\nat_least = 0.1',
    )
    said = refused([str(spec)], tmp_path, capsys)
    assert "serving.lengths: 16: too short for 1 of" in said
    assert "2500 tokens" in said


@pytest.mark.parametrize("given", ["nowhere", "messages.csv"])
def test_a_data_directory_is_one(
    write_spec: SpecFactory,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    given: str,
) -> None:
    spec = [str(write_spec()), "--data-dir", str(tmp_path / given)]
    assert f"--data-dir: {tmp_path / given}: " in refused(spec, tmp_path, capsys)


@pytest.mark.parametrize("given", ["", "bert-base"])
def test_a_teacher_is_a_source(
    write_spec: SpecFactory,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    given: str,
) -> None:
    spec = [str(write_spec()), "--teacher", given]
    assert f"--teacher: {given!r}" in refused(spec, tmp_path, capsys)


def test_a_teacher_whose_weights_are_cut_off_is_refused(
    write_spec: SpecFactory,
    tiny_checkpoint: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for name in FILES:
        content = (tiny_checkpoint / name).read_bytes()
        (other / name).write_bytes(content[: None if name.endswith("json") else -20])
    spec = [str(write_spec()), "--teacher", f"dir:{other}"]
    assert "model.safetensors: not safetensors" in refused(spec, tmp_path, capsys)


def test_a_file_is_no_directory_to_build_into(
    write_spec: SpecFactory, messages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(write_spec()), "--out", str(messages)]) == 2
    assert f"error: --out: {messages}: " in capsys.readouterr().err
