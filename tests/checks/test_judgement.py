"""Every tool is content with what is deployed, but for what is acknowledged in writing."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from checks.__main__ import main
from checks.acknowledgements import ACKNOWLEDGED, Acknowledgement
from checks.finding import Finding
from checks.judgement import judge


def test_nothing_is_found_that_nobody_has_acknowledged(findings: list[Finding]) -> None:
    assert [str(each) for each in judge(findings, ACKNOWLEDGED).open] == []


def test_no_acknowledgement_is_stale(findings: list[Finding]) -> None:
    stale = judge(findings, ACKNOWLEDGED).stale
    assert not stale, "no longer found: take these out"


def test_every_acknowledgement_says_why_and_who_answers_for_it() -> None:
    for each in ACKNOWLEDGED:
        assert each.owner in ("platform", "security"), each
        assert len(each.reason) > 25, each


def test_an_acknowledgement_covers_its_rule_at_its_place_only(
    findings: list[Finding],
) -> None:
    finding = findings[0]
    rule = f"{finding.tool} {finding.rule}".replace("[", r"\[").replace("*", r"\*")
    here = Acknowledgement(rule, finding.where, "because", "platform")
    there = replace(here, where="elsewhere")
    other = replace(here, rule="cdk-nag Other")
    assert judge([finding], [here]).open == ()
    assert judge([finding], [there, other]).open == (finding,)
    assert judge([finding], [there, other]).stale == (there, other)


def test_each_tool_has_something_to_say(findings: list[Finding]) -> None:
    """A tool that finds nothing at all may not have run."""
    tools = {each.tool for each in findings}
    assert tools >= {"cdk-nag", "cfn-lint", "cloudformation"}


def test_the_command_says_where_what_and_what_was_expected(
    shown: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On one stack: what all of them say is asked above."""
    one = shutil.copytree(shown, tmp_path / "cdk.out")
    manifest = json.loads((one / "manifest.json").read_text())
    artifacts = {
        id_: each
        for id_, each in manifest["artifacts"].items()
        if each.get("properties", {}).get("stackName") == "dev-budget"
    }
    (one / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    assert main([str(one), "--stale"]) == 1, "most lines are needed by other stacks"
    assert "\n0 findings; " in capsys.readouterr().out
    (path,) = one.glob("devbudget*.template.json")
    template = json.loads(path.read_text())
    template["Outputs"]["Topic"]["Export"] = {"Name": "shared"}
    path.write_text(json.dumps(template))
    assert main([str(one), "--json"]) == 1
    (finding,) = json.loads(capsys.readouterr().out)["open"]
    assert (finding["stack"], finding["path"]) == ("dev-budget", "Topic")
    assert (finding["rule"], finding["field"]) == ("export", "Export")
    assert "write an SSM parameter instead" in finding["says"]


def test_a_folder_that_is_no_assembly_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"error: {tmp_path}/manifest.json")
