"""That the CLI deploys the tested templates, and CloudFormation's own rules on them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import ManifestFactory
from tests.stacks.conftest import CDK_JSON, release
from tests.stacks.test_synth import files

ROOT = CDK_JSON.parent
CLI = ROOT / "node_modules" / "aws-cdk"


def test_the_real_command_elsewhere_is_valid_and_writes_the_same_bytes(
    assembly: Path, tmp_path: Path, make_manifest: ManifestFactory
) -> None:
    """Another process, folder and hash seed, and CloudFormation's own rules on."""
    copy = tmp_path / "clone of lathe"
    for name in ("stacks", "containers", "costs", "buildspecs", "model_build/specs"):
        shutil.copytree(ROOT / name, copy / name)
    for name in ("app.py", "manifest.py"):
        shutil.copy(ROOT / name, copy)
    release(tmp_path / "releases", make_manifest())
    flags = json.loads(CDK_JSON.read_text())["context"]
    context = {**flags, "demo": "true", "releases": str(tmp_path / "releases")}
    inherited = {k: v for k, v in os.environ.items() if k != "CDK_VALIDATION"}
    done = subprocess.run(
        [sys.executable, "app.py"],
        cwd=copy,
        env={
            **inherited,
            "CDK_CONTEXT_JSON": json.dumps(context),
            "CDK_OUTDIR": str(tmp_path / "cdk.out"),
            "PYTHONHASHSEED": "1",
            "TZ": "Asia/Tokyo",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "prod" in done.stderr
    assert "waiting for its first build" in done.stderr
    report = tmp_path / "cdk.out" / "validation-report.json"
    judged = json.loads(report.read_text())["pluginReports"]
    assert all(plugin["conclusion"] == "success" for plugin in judged), judged
    report.unlink()
    first = files(assembly)
    first.pop(report.name, None)
    assert files(tmp_path / "cdk.out") == first


def test_the_flags_are_those_that_the_pinned_cli_recommends() -> None:
    recommended = json.loads(
        (CLI / "lib" / "init-templates" / ".recommended-feature-flags.json").read_text()
    )
    ours = json.loads(CDK_JSON.read_text())["context"]
    assert {flag: ours.get(flag) for flag in recommended} == recommended
