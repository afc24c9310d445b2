"""What builds a model: its own commands, and no more rights than they need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.stacks.conftest import of_type, only, template

ROOT = Path(__file__).parents[2]


def test_a_build_is_the_repository_s_own_commands(assembly: Path) -> None:
    project = only(template(assembly, "delivery-build"), "AWS::CodeBuild::Project")
    assert project["Source"]["BuildSpec"] == "model_build/buildspec.yml"
    steps = yaml.safe_load((ROOT / project["Source"]["BuildSpec"]).read_text())
    commands = "\n".join(steps["phases"]["build"]["commands"])
    assert 'python -m model_build "model_build/specs/$MODEL.toml"' in commands
    given = {v["Name"] for v in project["Environment"]["EnvironmentVariables"]}
    assert given == {"MODEL", "BUCKET", "REPOSITORY"}


def test_a_deployed_build_says_what_to_type_for_the_first_release(
    assembly: Path,
) -> None:
    built = template(assembly, "delivery-build")
    said = [
        "".join(str(part) for part in output["Value"]["Fn::Join"][1])
        for output in built["Outputs"].values()
    ]
    source = only(built, "AWS::CodeBuild::Project")["Source"]["Location"]
    key = source["Fn::Join"][1][-1]
    assert any("git archive" in line and line.endswith(key) for line in said)
    assert any("codebuild start-build" in line for line in said)
    release = "stacks/releases/dev/support-sentiment.json"
    assert any(line.endswith(f"newest.json {release}") for line in said)


def test_only_the_image_build_is_privileged(assembly: Path) -> None:
    for path in assembly.glob("*.template.json"):
        found: dict[str, Any] = yaml.safe_load(path.read_text())
        for kind in {r["Type"] for r in found["Resources"].values()}:
            for properties in of_type(found, kind):
                if "'PrivilegedMode': True" in str(properties):
                    assert kind == "AWS::CodeBuild::Project"


def test_a_build_may_write_releases_and_reports_of_its_own_model_only(
    assembly: Path,
) -> None:
    policies = of_type(template(assembly, "delivery-build"), "AWS::IAM::Policy")
    puts = [
        resource
        for policy in policies
        for statement in policy["PolicyDocument"]["Statement"]
        if "s3:PutObject" in statement["Action"]
        for resource in [statement["Resource"]]
    ]
    paths = sorted(str(put["Fn::Join"][1][-1]) for put in puts)
    assert paths == ["-us-east-1/releases/support-sentiment/*"]


def test_a_build_reads_its_source_and_nothing_else(assembly: Path) -> None:
    policy = only(template(assembly, "delivery-build"), "AWS::IAM::Policy")
    reads = [
        resource["Fn::Join"][1][2:]  # behind arn:aws:s3::: and the bucket
        for statement in policy["PolicyDocument"]["Statement"]
        if "s3:GetObject*" in statement["Action"]
        for resource in statement["Resource"]
    ]
    assert [read[-1] for read in reads if read] == [
        "-us-east-1",
        "-us-east-1/source/lathe.zip",
    ]
