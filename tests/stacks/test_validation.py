"""What rule books say about the templates, and that the CLI deploys the tested ones."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import aws_cdk as cdk
import pytest
from cdk_nag import AwsSolutionsChecks

from app import build
from stacks.config import demonstration
from tests.conftest import ManifestFactory
from tests.stacks.conftest import CDK_JSON, release
from tests.stacks.test_synth import files

ROOT = CDK_JSON.parent
CLI = ROOT / "node_modules" / "aws-cdk"

# Patterns of what AwsSolutions finds and we keep, and why. Anything else that it finds
# fails the test, and so does a line here that nothing is found for any more.
ACCEPTED = {
    r"AS3": "alarms watch what a pool is for: tasks that answer",
    r"CB4": "artifacts and logs are encrypted with keys that AWS owns; one of our own"
    " adds a dollar a month and protects nothing that is secret",
    r"EC23": "an endpoint on the internet is open to it, by a field of its door",
    r"EC26": "disks are encrypted; the rule does not follow a policy of mixed instances"
    " to its launch template",
    r"ECS2": "the environment names the model and its cores; there is no secret in it",
    r"ECS4": "Container Insights can cost more than a dev task: a field of the stage",
    r"ELB2": "access logs would keep callers' addresses, in a bucket of their own;"
    " metrics and alarms watch the balancer",
    r"IAM5\[Resource::\*\]": "ecr:GetAuthorizationToken takes no other resource",
    r"IAM5\[Action::s3:(GetBucket|GetObject|List)\*\]": "CDK's grant to read the source",
    r"IAM5\[Resource::.*:container-instance/lathe-[a-z-]+/\*\]": "instances of its own"
    " cluster, whose ids are not known before they start",
    r"IAM5\[Resource::.*/releases/[a-z-]+/\*\]": "a release for each version",
    r"IAM5\[Resource::.*:log-group:/aws/codebuild/<[^>]+>:\*\]": "its own log streams",
    r"IAM5\[.*\]": "to be looked at one by one",
    r"IAM4.*": "to be looked at one by one",
    r"S1": "only builds write here and each version is kept; CloudTrail has the data"
    " events for whoever wants to pay for them",
    r"VPC7": "flow logs are charged by GB; nothing in the VPC takes a call but through"
    " the balancer's security group",
}


def findings(app: cdk.App, out: Path) -> dict[str, set[str]]:
    """Return construct paths by finding of AwsSolutions, evidence included."""
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    report = json.loads((out / "validation-report.json").read_text())
    (pack,) = (p for p in report["pluginReports"] if p["pluginName"] == "AwsSolutions")
    return {
        violation["ruleName"].removeprefix("AwsSolutions-"): {
            found["constructPath"] for found in violation["violatingConstructs"]
        }
        for violation in pack["violations"]
    }


def test_no_rule_of_aws_solutions_is_broken_but_those_accepted_in_writing(
    tmp_path: Path, make_manifest: ManifestFactory
) -> None:
    release(tmp_path / "releases", make_manifest())
    flags = json.loads(CDK_JSON.read_text())["context"]
    app = cdk.App(context=flags, outdir=str(tmp_path), analytics_reporting=False)
    build(app, demonstration(), tmp_path / "releases")
    found = findings(app, tmp_path)
    explained = {
        pattern: [rule for rule in found if re.fullmatch(pattern, rule)]
        for pattern in ACCEPTED
    }
    accepted = {rule for rules in explained.values() for rule in rules}
    assert not {rule: found[rule] for rule in found.keys() - accepted}
    stale = [pattern for pattern, rules in explained.items() if not rules]
    assert not stale, "no longer found: take these lines out"


def test_the_real_command_elsewhere_is_valid_and_writes_the_same_bytes(
    assembly: Path, tmp_path: Path, make_manifest: ManifestFactory
) -> None:
    """Another process, folder and hash seed, and CloudFormation's own rules on."""
    copy = tmp_path / "clone of lathe"
    for name in ("stacks", "costs"):
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
