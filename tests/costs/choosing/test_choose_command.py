from __future__ import annotations

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from costs.__main__ import main
from costs.choosing import break_even, command
from costs.choosing.choice import Choice, Offer, Question

ROOT = Path(__file__).parents[3]
ASKED = ["--rps", "50", "--p99-ms", "100"]


def test_answers_with_the_cheapest_and_why_not_the_others(
    written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = tmp_path / "choice.svg"
    assert main(["choose", str(written), *ASKED, "--picture", str(drawn)]) == 0
    printed = capsys.readouterr().out
    for part in ("Cheapest: ", "Why not the others", "Break-even", "Rests on"):
        assert part in printed
    assert "no Neuron backend" in printed
    root = ET.fromstring(drawn.read_text(encoding="utf-8"))
    assert root.tag.endswith("svg")


def test_json_is_json_without_infinities(
    written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["choose", str(written), *ASKED, "--json"]) == 0

    def refuse(name: str) -> float:
        raise AssertionError(name)

    record = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert record["schema"] == 1
    assert record["offers"][0]["reason"] is None
    assert len(record["sensitivity"]) == 7


def test_markdown_folds_what_a_reviewer_may_skip(
    written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["choose", str(written), *ASKED, "--markdown"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("<details>") == printed.count("</details>") == 3
    assert len(printed.split("<details>")[0].splitlines()) < 30


def test_variants_of_the_report_beside_it_compete(
    reported: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Those that are as good as the release; others if less is enough."""
    monkeypatch.setattr(command, "points", lambda question: ())
    monkeypatch.setattr(command, "sensitivities", lambda choice: ())
    directory = str(reported.parent)

    def chosen(*more: str) -> str:
        assert main(["choose", directory, *ASKED, *more, "--json"]) == 0
        best = json.loads(capsys.readouterr().out)["offers"][0]
        return str(best["variant"])

    assert chosen() == "int8"
    assert chosen("--quality", "0.6") == "tiny"
    assert chosen("--quality", "0.9") == "teacher"


def question_of(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> list[Question]:
    """What the command asks: of all variants, then of the release at other traffic."""
    asked: list[Question] = []

    def note(question: Question, runners_up: int = 0) -> Choice:
        asked.append(question)
        unmade = Offer("real-time", "int8", "one", "1 machine", 1.0, 20.0, None)
        return Choice(question, (unmade,), (), ())

    monkeypatch.setattr(command, "choose", note)
    monkeypatch.setattr(break_even, "choose", note)
    assert main(["choose", *arguments]) == 0
    return asked


def test_what_is_asked_is_what_is_chosen_by(
    reported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = reported.with_name("usage.toml")
    usage.write_text("spot_discount = 0.5\n")
    more = ["--at-least", "3", "--budget", "70.5/month", "--max-wait-ms", "75"]
    more += ["--region", "eu-central-1", "--usage", str(usage), "--profile", "bursts"]
    first, *others = question_of(monkeypatch, str(reported.parent), *ASKED, *more)
    objective = first.objective
    assert objective.profile.name == "bursts"
    assert objective.profile.mean == pytest.approx(50)
    assert (objective.p99_ms, objective.at_least) == (100, 3)
    assert (objective.budget, objective.max_wait_ms) == (70.5, 75)
    assert objective.quality == first.variants[0].quality
    assert first.region == "eu-central-1"
    assert first.usage.spot_discount.expected == 0.5
    assert [v.name for v in first.variants] == ["int8", "teacher", "tiny"]
    # Lines of cost are of the release, whatever the budget; sensitivities are of all.
    lines = [each for each in others if each.objective.budget is None]
    assert [len(each.variants) for each in lines] == [1] * 9
    rates = [each.objective.profile.mean for each in lines]
    assert (min(rates), max(rates)) == (pytest.approx(0.05), pytest.approx(500))


def test_what_is_otherwise_is_asked_a_fifth_less_and_a_fifth_more(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *others = question_of(
        monkeypatch, str(written), *ASKED, "--budget", "9/month"
    )
    varied = [each for each in others if each.objective.budget is not None]
    assert sum(each.expected_speed for each in varied) == 1
    factors = sorted({each.price_factor for each in varied})
    assert factors == [0.8, 1, 1.2]
    rates = sorted({round(each.objective.profile.mean) for each in varied})
    assert rates == [40, 50, 60]
    usual = first.variants[0].service.mean_ms
    times = {round(each.variants[0].service.mean_ms / usual, 6) for each in varied}
    assert times == {0.8, 1, 1.2}


def test_a_profile_of_a_file_has_its_own_rate_unless_one_is_given(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    traffic = written.with_name("t.csv")
    traffic.write_text("hour,requests_per_second\n0,10\n1,30\n")
    asked = [str(written), "--p99-ms", "100", "--profile", str(traffic)]
    own, *_ = question_of(monkeypatch, *asked)
    assert own.objective.profile.mean == pytest.approx(20)
    given, *_ = question_of(monkeypatch, *asked, "--rps", "5")
    assert given.objective.profile.mean == pytest.approx(5)
    assert given.objective.profile.peak == pytest.approx(7.5)


def test_prices_are_old_or_new_on_the_day_that_is_given(
    written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of what nothing keeps, for that needs little simulation."""
    asked = ["choose", str(written), "--rps", "50", "--p99-ms", "2"]
    assert main([*asked, "--today", "2028-01-01"]) == 1
    assert "python -m costs refresh" in capsys.readouterr().out


def test_what_nothing_keeps_is_exit_code_1(
    written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["choose", str(written), "--rps", "50", "--p99-ms", "2"]
    assert main(asked) == 1
    assert "Nothing keeps that." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{}/none.json", *ASKED], "none.json: no such file"),
        (["{}/manifest.json", "--p99-ms", "9"], "--rps: not given"),
        (["{}/manifest.json", *ASKED, "--profile", "{}/t.csv"], "t.csv: no such file"),
        (["{}/manifest.json", *ASKED, "--region", "moon-1"], "region moon-1"),
        (["{}/manifest.json", *ASKED, "--report", "{}/manifest.json"], "not a report"),
        (["{}/manifest.json", *ASKED, "--picture", "{}/no/p.svg"], "cannot be written"),
    ],
)
def test_an_error_is_one_line_and_exit_code_2(
    written: Path,
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    where = written.parent
    assert main(["choose", *(each.format(where) for each in arguments)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1
    assert message in printed.err


@pytest.mark.parametrize("wrong", ["NaN", "Infinity", "-1", "0", "1e308", "9" * 999])
@pytest.mark.parametrize("name", ["p50_ms", "requests_per_second", "memory_mib"])
def test_a_figure_that_cannot_be_is_named(
    reported: Path, name: str, wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the report as in the manifest: no traceback, no simulation without an end."""
    for path in (reported, reported.with_name("manifest.json")):
        kept = path.read_text(encoding="utf-8")
        path.write_text(re.sub(rf'("{name}": )[\d.]+', rf"\g<1>{wrong}", kept))
        assert main(["choose", str(reported.parent), *ASKED]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"error: {path}")
        assert error.count("\n") == 1
        path.write_text(kept, encoding="utf-8")


@pytest.mark.parametrize("name", ["manifest.json", "report.json", "usage.toml"])
def test_what_is_nested_too_deeply_is_refused(
    reported: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = reported.with_name(name)
    path.write_text("x = " * name.endswith("toml") + "[" * 9_999, encoding="utf-8")
    usage = ["--usage", str(path)] if name.endswith("toml") else []
    assert main(["choose", str(reported.parent), *ASKED, *usage]) == 2
    assert capsys.readouterr().err.startswith(f"error: {path}")


@pytest.mark.parametrize(
    "wrong",
    [
        ["--rps", "-1"],
        ["--rps", "nan"],
        ["--budget", "300"],
        ["--budget", "9" * 400 + "/month"],
        ["--at-least", "1.5"],
        ["--at-least", "0"],
    ],
)
def test_a_wrong_figure_is_exit_code_2(written: Path, wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["choose", str(written), *ASKED, *wrong])
    assert stopped.value.code == 2


def test_chooses_on_the_standard_library_alone(written: Path) -> None:
    """Of what nothing keeps, for that needs little simulation."""
    code = "import sys; sys.path.insert(0, '.');"
    code += "from costs.__main__ import main; sys.exit(main(sys.argv[1:]))"
    asked = ["choose", str(written), "--rps", "50", "--p99-ms", "2"]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, *asked],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "Nothing keeps that." in done.stdout
