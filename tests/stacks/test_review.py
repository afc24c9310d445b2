"""What a change does, said by the real CDK CLI and bill, against what really runs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.account import Account
from rehearsal.emulator import start_emulator
from stacks.commands import deployed, review
from stacks.config import demonstration
from tests.stacks.conftest import template

STACK = "dev-endpoint-support-sentiment"
REPORT: dict[str, Any] = {
    "name": "support-sentiment",
    "version": "3f1c9a07be24",
    "measure": "macro_f1",
    "baseline": "int8",
    "release": "int8",
    "passed": False,
    "gates": [
        {
            "measure": "p50_speedup",
            "bound": "at least 3",
            "found": 2.5,
            "passed": False,
        },
        {
            "measure": "accuracy, less the baseline's",
            "bound": "at least -0.02 by the whole 95 % interval",
            "found": -0.004,
            "outcome": "not enough evidence",
            "needs": 3120,
            "passed": False,
        },
    ],
    "conditions": {"hardware": "two cores"},
    "variants": [
        {
            "name": "int8",
            "quality": {
                "figures": {
                    "macro_f1": {
                        "own": {"value": 0.855, "low": 0.833, "high": 0.876},
                        "retained": {"value": 0.992},
                    }
                }
            },
            "serving": {"p50_ms": 2.99, "p99_ms": 4.5},
            "bytes": 15_400_000,
            "dollars_per_million": None,
            "energy": {"kwh": 0.0123, "grams_co2e": 4.56},
        }
    ],
}


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with start_emulator(tmp_path) as found:
        for name, value in {
            "AWS_ENDPOINT_URL": found.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }.items():
            monkeypatch.setenv(name, value)
        yield found


def edit(assembly: Path, stack: str, kind: str, **properties: Any) -> None:
    """Change one resource of a synthesized stack, as a commit would."""
    body = template(assembly, stack)
    (found,) = (r for r in body["Resources"].values() if r["Type"] == kind)
    found["Properties"].update(properties)
    write(assembly, stack, body)


def write(assembly: Path, stack: str, body: dict[str, Any]) -> None:
    manifest = json.loads((assembly / "manifest.json").read_text())
    (file,) = (
        each["properties"]["templateFile"]
        for each in manifest["artifacts"].values()
        if each.get("properties", {}).get("stackName") == stack
    )
    (assembly / file).write_text(json.dumps(body))


@pytest.fixture
def pair(assembly: Path, tmp_path: Path) -> tuple[Path, Path]:
    """An assembly, and the same with twice the task."""
    old, new = tmp_path / "old", tmp_path / "new"
    for copy in (old, new):
        shutil.copytree(assembly, copy)
    edit(new, STACK, "AWS::ECS::TaskDefinition", Cpu="2048", Memory="4096")
    return old, new


def test_a_review_has_figures_resources_and_dollars(
    pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.json"
    report.write_text(json.dumps(REPORT))
    paths = [str(each) for each in pair]
    assert review.main([*paths, "--stage", "dev", "--report", str(report)]) == 0
    said = capsys.readouterr().out
    assert "support-sentiment 3f1c9a07be24 **stopped by its gates**" in said
    assert "**FAIL** p50_speedup 2.5 (at least 3)" in said
    assert "not enough evidence: needs n >= 3,120" in said
    assert "85.5% [83.3%, 87.6%]" in said
    assert "not measured" in said
    assert "draw an estimated 0.012 kWh and 4.6 g CO2e" in said
    assert "### Resources of dev: 1 stack changes" in said
    assert "AWS::ECS::TaskDefinition" in said
    assert "2048" in said  # what the real CLI said
    assert "### Monthly cost: +" in said
    assert "prod-" not in said


def test_a_review_says_what_the_model_gave_and_gives(
    pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """From the templates alone, so against what an account runs as well."""
    body = template(pair[1], STACK)
    body["Metadata"]["Lathe"]["serving"]["p99_ms"] = 8
    write(pair[1], STACK, body)
    assert review.main([*map(str, pair), "--stage", "dev"]) == 0
    said = capsys.readouterr().out
    assert "| **dev/support-sentiment** | before | after | change |" in said
    assert "| p99, ms | 4 | 8 | +100.0% |" in said


def test_an_approval_reads_one_sentence(
    pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(each) for each in pair]
    assert review.main([*paths, "--stage", "dev", "--summary"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"dev: {STACK} (changed); +")
    assert said.count("\n") == 1
    assert len(said) < 1_000
    assert review.main([paths[0], paths[0], "--stage", "dev", "--summary"]) == 0
    assert "dev: nothing changes; +0.00" in capsys.readouterr().out


def test_what_an_account_runs_is_compared_with(
    pair: tuple[Path, Path],
    tmp_path: Path,
    account: Account,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Budgets are deployed; the rest of dev is new, whatever other stages have."""
    _, new = pair
    body = template(new, "dev-budget")
    topics = {k: r for k, r in body["Resources"].items() if "Topic" in r["Type"]}
    small = {
        "Resources": {k: r for k, r in topics.items() if "Policy" not in r["Type"]}
    }
    account.client("cloudformation").create_stack(
        StackName="dev-budget", TemplateBody=json.dumps(small)
    )
    found = tmp_path / "found"
    assert deployed.main([str(new), "--stage", "dev", "--out", str(found)]) == 0
    assert "1 of dev's stacks are deployed" in capsys.readouterr().out
    assert template(found, "dev-budget") == small
    assert review.main([str(found), str(new), "--stage", "dev", "--summary"]) == 0
    said = capsys.readouterr().out
    assert "dev-budget (changed)" in said
    assert f"{STACK} (new)" in said


def test_an_empty_account_runs_nothing_and_all_is_new(
    pair: tuple[Path, Path],
    tmp_path: Path,
    account: Account,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, new = pair
    found = tmp_path / "found"
    assert deployed.main([str(new), "--stage", "prod", "--out", str(found)]) == 0
    assert review.main([str(found), str(new), "--stage", "prod"]) == 0
    said = capsys.readouterr().out
    assert "prod-network (new)" in said
    assert "[+] AWS::EC2::VPC" in said


def test_a_stage_that_takes_releases_by_itself_is_said_to(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    assembly: Path,
) -> None:
    monkeypatch.setattr(review, "configured", demonstration)
    for arguments in (["--summary"], []):
        assert review.main([str(assembly)] * 2 + ["--stage", "demo", *arguments]) == 0
        said = "demo runs the newest release that passed its gates, without a commit"
        assert said in capsys.readouterr().out


def test_what_is_no_assembly_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert review.main([str(tmp_path), str(tmp_path)]) == 2
    assert deployed.main([str(tmp_path), "--stage", "dev", "--out", "x"]) == 2
    said = capsys.readouterr().err
    assert said.count("is no assembly") == said.count("\n") == 2
