from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from costs.__main__ import main
from tests.costs.samples import resource, stages, write_assembly

ROOT = Path(__file__).parents[2]


@pytest.fixture
def assembly(tmp_path: Path) -> Path:
    return write_assembly(tmp_path / "cdk.out", stages())


@pytest.fixture
def grown(tmp_path: Path) -> Path:
    return write_assembly(tmp_path / "grown", stages(memory="2048"))


def test_bills_an_assembly(assembly: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bill", str(assembly)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("Bill of cdk.out")
    assert printed.splitlines()[-1].startswith("TOTAL")


def test_json_is_json(assembly: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bill", str(assembly), "--json", "--stage", "dev"]) == 0
    assert json.loads(capsys.readouterr().out)["schema"] == 1
    assert main(["diff", str(assembly), str(assembly), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["changes"] == []


def test_a_sheet_is_a_sheet(assembly: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bill", str(assembly), "--csv"]) == 0
    assert capsys.readouterr().out.startswith("stage,stack,model,path,")
    assert main(["diff", str(assembly), str(assembly), "--csv"]) == 0
    assert capsys.readouterr().out.startswith("kind,stage,stack,path,")


def test_adds_up_by_tags_that_are_there(
    assembly: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bill", str(assembly), "--by", "model"]) == 0
    assert "by tag model" in capsys.readouterr().out
    assert main(["bill", str(assembly), "--by", "color"]) == 2
    said = capsys.readouterr().err
    assert said == "error: --by: no resource has the tag color; there are: model\n"


def test_prints_the_assumptions_as_the_file_that_it_reads(
    assembly: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bill", str(assembly)]) == 0
    before = capsys.readouterr().out
    assert main(["usage"]) == 0
    usage = tmp_path / "usage.toml"
    usage.write_text(capsys.readouterr().out)
    assert main(["bill", str(assembly), "--usage", str(usage)]) == 0
    assert capsys.readouterr().out == before


def test_lists_what_options_cost(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["options"]) == 0
    assert "One Fargate task" in capsys.readouterr().out
    assert main(["options", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["region"] == "us-east-1"


def test_usage_replaces_assumptions(
    assembly: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = tmp_path / "usage.toml"
    usage.write_text("builds_per_month = 100\n")
    assert main(["bill", str(assembly), "--usage", str(usage)]) == 0
    assert "3,000 build-minute @ $0.01" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("limit", "code"), [("12/month", 3), ("13/month", 0), ("12.97/month", 3)]
)
def test_fail_above_stops_a_dearer_change(
    assembly: Path,
    grown: Path,
    limit: str,
    code: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["diff", str(assembly), str(grown), "--fail-above", limit]) == code
    assert ("refused: +12.98 USD a month" in capsys.readouterr().err) == (code == 3)


@pytest.mark.parametrize(
    ("percent", "code"), [("10", 3), ("10%", 3), ("11", 0), ("1e3", 0)]
)
def test_fail_above_pct_stops_a_dearer_change(
    assembly: Path,
    grown: Path,
    percent: str,
    code: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert (
        main(["diff", str(assembly), str(grown), "--fail-above-pct", percent]) == code
    )
    assert ("refused: +10.2 %, above the 10 %" in capsys.readouterr().err) == (
        code == 3
    )


def test_fail_above_lets_a_cheaper_change_pass(assembly: Path, grown: Path) -> None:
    assert main(["diff", str(grown), str(assembly), "--fail-above", "0/month"]) == 0


def test_a_stage_that_is_new_is_all_added(
    assembly: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = {**stages(), "prod": {"prod-registry": stages()["dev"]["dev-registry"]}}
    newer = write_assembly(tmp_path / "newer", both)
    assert main(["diff", str(assembly), str(newer), "--stage", "prod"]) == 0
    printed = capsys.readouterr().out
    assert "+ prod-registry: " in printed
    assert "~" not in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bill", "{}", "--stage", "staging"], "no stage 'staging'; there are: dev"),
        (["bill", "{}/nowhere"], "nowhere/manifest.json: no such file"),
        (["bill", "{}", "--usage", "{}/none.toml"], "none.toml: no such file"),
        (["diff", "{}", "{}/nowhere"], "nowhere/manifest.json: no such file"),
        (["options", "--region", "moon-1"], "no price book for region moon-1"),
        (["options", "--region", "x" * 999], "x.json: File name too long"),
    ],
)
def test_an_error_is_one_line_and_exit_code_2(
    assembly: Path,
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([argument.format(assembly) for argument in arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1
    assert message in printed.err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["diff", "a", "b", "--fail-above", "50"],
        ["bill", "a", "--today", "2026-99-01"],
        ["diff", "a", "b", "--fail-above", "9" * 400 + "/month"],
        ["diff", "a", "b", "--fail-above-pct", "-1"],
        ["diff", "a", "b", "--fail-above-pct", "nan"],
        ["bill"],
        ["bill", "a", "--csv", "--json"],
        ["options", "--csv"],
        ["tax"],
    ],
)
def test_a_wrong_command_line_is_exit_code_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2


def test_help_teaches_by_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "python -m costs diff" in capsys.readouterr().out


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("form", ["--json", "--markdown"])
def test_a_full_disk_is_one_line_and_exit_code_2(assembly: Path, form: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "costs", "bill", str(assembly), form],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.stderr == "error: standard output: No space left on device\n"
    assert done.returncode == 2


def test_who_stops_it_gets_no_traceback(
    assembly: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("costs.__main__.bill", stopped)
    assert main(["bill", str(assembly)]) == 130
    assert capsys.readouterr().err == "stopped\n"


def test_a_name_that_cannot_be_written_is_one_line_and_exit_code_2(
    tmp_path: Path,
) -> None:
    queue = {"Queue": resource("SQS::Queue", "dev/one/\ud800")}
    where = write_assembly(tmp_path / "cdk.out", {"dev": {"dev-one": queue}})
    done = subprocess.run(
        [sys.executable, "-m", "costs", "bill", str(where)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    expected = "error: standard output: '\\ud800' cannot be written in utf-8\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected)


def test_runs_on_the_standard_library_alone(assembly: Path) -> None:
    """A reviewer needs Python and nothing else."""
    command = [sys.executable, "-I", "-S", "-c", "import sys; sys.path.insert(0, '.');"]
    command[-1] += "from costs.__main__ import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [*command, "bill", str(assembly)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "TOTAL" in done.stdout
