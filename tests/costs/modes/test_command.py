from __future__ import annotations

import json
from pathlib import Path

import pytest

from costs.__main__ import main
from costs.modes.comparison import Comparison
from costs.modes.text import modes_json, modes_markdown, modes_text
from tests.costs.conftest import MatchesGolden


def test_text_is_the_reviewed_one(
    found: Comparison, matches_golden: MatchesGolden
) -> None:
    matches_golden(modes_text(found), "modes.txt")


def test_markdown_is_the_reviewed_one(
    found: Comparison, matches_golden: MatchesGolden
) -> None:
    matches_golden(modes_markdown(found), "modes.md")


def test_machines_read_the_same_figures(found: Comparison) -> None:
    record = json.loads(modes_json(found))
    assert [point["requests_a_month"] for point in record["points"]] == [
        0, 1e3, 1e5, 1e6, 1e7, 1e8,
    ]  # fmt: skip
    for point, told in zip(found.points, record["points"], strict=True):
        assert told["monthly_usd"] == pytest.approx(point.monthly, abs=1e-6)
    seconds = next(e for e in record["cheapest"] if e["patience"] == "seconds")
    first, last = seconds["spans"][0], seconds["spans"][-1]
    second = first["to_requests_a_month"] / (730 * 3600)
    assert first["to_requests_a_second"] == pytest.approx(second)
    assert last["to_requests_a_month"] is None
    assert record["release"]["version"] == "3f1c9a07be24"
    assert record["modes"]["batch"]["machine"] == "Fargate Spot 0.5 vCPU 1 GB x86"


def test_the_traffic_is_as_asked(
    assembly: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["modes", str(assembly), "--requests", "5e6", "0"]) == 0
    header = capsys.readouterr().out.splitlines()[2]
    assert header.split()[3:] == ["0", "5,000,000"]


def test_prices_that_are_old_are_warned_of(
    assembly: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["modes", str(assembly), "--today", "2030-01-01"]) == 0
    assert "STALE: " in capsys.readouterr().out
    assert main(["modes", str(assembly), "--today", "2030-01-01", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["stale_prices"]


@pytest.mark.parametrize("form", [[], ["--markdown"]])
def test_a_bill_shows_the_modes_beside_what_it_bills(
    assembly: Path, form: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    bill = ["bill", str(assembly), "--stage", "batch/dev", *form]
    assert main(bill) == 0
    alone = capsys.readouterr().out
    assert main([*bill, "--modes", str(assembly)]) == 0
    lines = capsys.readouterr().out.splitlines()
    added = [line for line in lines if line not in alone.splitlines()]
    assert any("sentiment int8 3f1c9a07be24 by mode" in line for line in added)
    assert any("who waits seconds at most: below " in line for line in added)
    total = lines[-1].replace("TOTAL of the bill", "TOTAL")
    assert total.split() == alone.splitlines()[-1].split()


@pytest.mark.parametrize("form", ["json", "csv"])
def test_a_bill_for_machines_has_no_room_for_modes(
    assembly: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["bill", str(assembly), "--modes", str(assembly), f"--{form}"]
    assert main(asked) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: --modes: as text or markdown only, not as {form}: ")


@pytest.mark.parametrize("requests", ["nan", "-1", "inf", "1e11", "many"])
def test_traffic_that_cannot_be_is_refused(
    assembly: Path, requests: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["modes", str(assembly), f"--requests={requests}"])
    said = capsys.readouterr().err.splitlines()[-1]
    assert "--requests" in said
    assert requests in said


def test_what_is_no_assembly_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["modes", str(tmp_path)]) == 2
    assert f"{tmp_path}/manifest.json: no such file" in capsys.readouterr().err
