"""Synthesis is a function of the commit: no account, no clock, no network."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import aws_cdk as cdk
import pytest

from stacks import config
from stacks.__main__ import main as stacks_main
from stacks.configured import configured
from stacks.release import strays
from stacks.settings.checked import ConfigError
from stacks.settings.watch import WatchConfig
from stacks.stage import Stage
from tests.conftest import ManifestFactory
from tests.stacks.conftest import (
    DEV,
    SHOWN,
    STAGES,
    release,
    synthesize,
    template,
    write_release,
)

ROOT = Path(__file__).parents[2]


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_two_synths_in_two_places_are_byte_identical(
    assembly: Path, tmp_path: Path, make_manifest: ManifestFactory
) -> None:
    release(tmp_path / "elsewhere", make_manifest())
    again = synthesize(tmp_path / "out", tmp_path / "elsewhere")
    assert files(again) == files(assembly)


def test_asks_no_account_for_anything_where_one_is_named(tmp_path: Path) -> None:
    """Without one CDK cannot ask; with one it would ask for its zones."""
    named = tuple(replace(stage, account="123456789012") for stage in STAGES)
    out = synthesize(tmp_path / "out", tmp_path, replace(SHOWN, stages=named))
    assert not json.loads((out / "manifest.json").read_text()).get("missing")


def test_no_stack_locks_another_by_an_export(assembly: Path) -> None:
    for path in assembly.glob("*.template.json"):
        text = path.read_text()
        assert "Fn::ImportValue" not in text, path.name
        outputs = json.loads(text).get("Outputs", {}).values()
        assert not any("Export" in output for output in outputs), path.name


def test_no_template_holds_a_secret(assembly: Path) -> None:
    secret = re.compile(
        r"AKIA[0-9A-Z]{16}|-----BEGIN|password(?!-stdin| \|)", re.IGNORECASE
    )
    for path in assembly.glob("*.template.json"):
        assert not secret.search(path.read_text()), path.name


def test_every_stage_is_always_there(assembly: Path) -> None:
    for stage in STAGES:
        for stack in ("network", "cluster"):
            assert template(assembly, f"{stage.name}-{stack}")["Resources"]
    for stack in ("registry", "build", "pipeline"):
        assert template(assembly, f"delivery-{stack}")["Resources"]


def test_an_endpoint_exists_only_where_its_release_exists(assembly: Path) -> None:
    names = {path.name for path in assembly.glob("*.template.json")}
    assert any(name.startswith("devendpoint") for name in names)
    assert not any(name.startswith("prodendpoint") for name in names)


def test_nothing_runs_code_at_deploy_time(assembly: Path) -> None:
    """A Lambda-backed resource has a role and a runtime that age.

    The functions there are ask a release for its answers, take submissions, or serve.
    """
    for path in assembly.glob("*.template.json"):
        found = json.loads(path.read_text())["Resources"].values()
        custom = ("Custom::", "AWS::CloudFormation::CustomResource")
        assert not [each for each in found if each["Type"].startswith(custom)]
        functions = [e for e in found if e["Type"] == "AWS::Lambda::Function"]
        names = [e["Properties"]["FunctionName"] for e in functions]
        known = ("-check", "-door", "-function")
        assert all(name.endswith(known) for name in names)


def test_a_folder_of_releases_that_is_not_there_is_one_clear_message(
    tmp_path: Path,
) -> None:
    context = json.dumps({"releases": "no/such/folder"})
    told = {"CDK_CONTEXT_JSON": context, "CDK_OUTDIR": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, ROOT / "app.py"],
        env={**os.environ, **told},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 2
    message = "error: -c releases=no/such/folder: no such directory"
    assert message in ran.stderr.splitlines()


def test_a_misspelt_field_is_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(config, "WatchConfig", lambda **given: WatchConfig(slow=1))  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match=r"^stacks/config.py:\d+: .*'slow'"):
        configured(demo=False)


@pytest.mark.parametrize("command", ["preflight", "modes"])
def test_commands_say_in_one_line_what_is_wrong_with_the_config(
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    def broken() -> None:
        raise NameError("name 'CanaryConfig' is not defined")

    monkeypatch.setattr(config, "deployment", broken)
    more = ["support-sentiment", "--out", str(tmp_path)] if command == "modes" else []
    assert stacks_main([command, *more]) == 2
    message = "error: stacks/config.py:?: name 'CanaryConfig' is not defined\n"
    assert capsys.readouterr().err == message


def test_a_release_that_no_endpoint_runs_is_pointed_out(
    tmp_path: Path, make_manifest: ManifestFactory
) -> None:
    write_release(tmp_path, "dev", make_manifest(name="suport-sentiment"))
    stage = Stage(cdk.App(), config=DEV, delivery=SHOWN.delivery, releases=tmp_path)
    assert stage.notices == [
        "dev: endpoint support-sentiment is waiting for its first build",
        "dev: release suport-sentiment is run by no endpoint and no job",
    ]


def test_releases_of_a_stage_that_is_not_there_are_pointed_out(tmp_path: Path) -> None:
    for name in ("dev", "pord", "prod"):
        (tmp_path / name).mkdir()
    assert strays(tmp_path, ["dev", "prod"]) == ["pord"]


def test_no_stack_asks_which_stage_it_is_in() -> None:
    """A difference between stages is a field of its config."""
    for path in (ROOT / "stacks").rglob("*.py"):
        if path.name != "config.py":
            assert '"prod"' not in path.read_text(), path.name
            assert '"dev"' not in path.read_text(), path.name
