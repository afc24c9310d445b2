"""`refresh` and `actuals` as people type them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from costs.__main__ import main
from costs.book import PRICES, read_book
from tests.costs.samples import stages, write_assembly
from tests.costs.test_usage_report import LEGACY, LINE, text_of

SAMPLES = str(Path(__file__).parent / "offers")
REFRESH = ("refresh", "--region", "us-east-1", "--offers", SAMPLES)


@pytest.fixture
def assembly(tmp_path: Path) -> Path:
    return write_assembly(tmp_path / "cdk.out", stages())


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "cur.csv"
    path.write_text(text_of(LEGACY, LINE))
    return path


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PRICES, tmp_path / "prices"))


def test_refresh_shows_and_writes_nothing(
    prices: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (prices / "us-east-1.json").read_bytes()
    assert main([*REFRESH, "--prices", str(prices)]) == 0
    printed = capsys.readouterr().out
    assert "+5.0%" in printed
    assert "nothing is written without --write" in printed
    assert (prices / "us-east-1.json").read_bytes() == before


def test_refresh_writes_when_told_to(
    prices: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*REFRESH, "--prices", str(prices), "--write", "--json"]) == 0
    (region,) = json.loads(capsys.readouterr().out)["regions"]
    assert region["published"] == "2026-11-01"
    price = read_book("us-east-1", prices).price("Fargate", "vCPU x86")
    assert (price.usd, price.as_of) == (0.042504, "2026-10-30")


def test_actuals_prints_each_form(
    assembly: Path, report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["actuals", str(report), "--assembly", str(assembly)]
    assert main(asked) == 0
    assert capsys.readouterr().out.startswith("Billed in cur.csv: USD\n")
    assert main([*asked, "--markdown"]) == 0
    assert capsys.readouterr().out.startswith("### Billed in cur.csv\n")
    assert main([*asked, "--json", "--by", "model"]) == 0
    assert json.loads(capsys.readouterr().out)["by"] == "model"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["refresh", "--region", "moon-1"], "region moon-1: not one of us-east-1"),
        (["refresh", "--offers", "nowhere"], "nowhere/"),
        (
            [*REFRESH, "--prices", "{report}", "--write"],
            "cur.csv/us-east-1.json: cannot",
        ),
        (
            ["refresh", "--offers", "http://127.0.0.1:9"],
            "cannot be read: [Errno 111] Connection refused; with --offers DIR",
        ),
        (["actuals", "none.csv", "--assembly", "{}"], "none.csv: no such file"),
        (["actuals", "{}", "--assembly", "{}"], "cannot be read as CSV: "),
        (["actuals", "{report}", "--assembly", "x"], "x/manifest.json: no such file"),
        (
            ["actuals", "{report}", "--assembly", "{}", "--usage", "none.toml"],
            "none.toml: no such file",
        ),
    ],
)
def test_an_error_is_one_line_and_exit_code_2(
    assembly: Path,
    report: Path,
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([each.format(assembly, report=report) for each in arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1
    assert message in printed.err


@pytest.mark.parametrize("command", ["refresh", "actuals"])
def test_help_teaches_by_example(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert f"python -m costs {command}" in capsys.readouterr().out
