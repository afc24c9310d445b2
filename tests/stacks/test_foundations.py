"""Network, registry, build and cluster: what is open, kept, privileged and paid for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.stacks.conftest import STAGES, of_type, only, template

ROOT = Path(__file__).parents[2]


def test_no_network_costs_anything_while_idle(assembly: Path) -> None:
    for stage in STAGES:
        network = template(assembly, f"{stage.name}-network")
        assert not of_type(network, "AWS::EC2::NatGateway")
        (free,) = of_type(network, "AWS::EC2::VPCEndpoint")
        assert free["VpcEndpointType"] == "Gateway"
        assert len(of_type(network, "AWS::EC2::Subnet")) == len(
            stage.availability_zones
        )


def test_images_cannot_be_replaced_and_are_scanned(assembly: Path) -> None:
    repository = only(template(assembly, "dev-registry"), "AWS::ECR::Repository")
    assert repository["ImageTagMutability"] == "IMMUTABLE"
    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert repository["RepositoryName"] == "lathe/dev/support-sentiment"


def test_what_releases_point_at_is_kept_when_a_stage_is_destroyed(
    assembly: Path,
) -> None:
    for path in assembly.glob("*.template.json"):
        kept = {
            r["Type"]
            for r in yaml.safe_load(path.read_text())["Resources"].values()
            if r.get("DeletionPolicy", "Delete") != "Delete"
        }
        wanted = (
            {"AWS::ECR::Repository", "AWS::S3::Bucket"}
            if "registry" in path.name
            else set()
        )
        assert kept == wanted, path.name


def test_artifacts_are_private_encrypted_and_versioned(assembly: Path) -> None:
    registry = template(assembly, "dev-registry")
    bucket = only(registry, "AWS::S3::Bucket")
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert bucket["BucketEncryption"]
    statements = only(registry, "AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]
    denied = [s for s in statements if s["Effect"] == "Deny"]
    assert {"Bool": {"aws:SecureTransport": "false"}} in [
        s["Condition"] for s in denied
    ]


def test_a_build_is_the_repository_s_own_commands(assembly: Path) -> None:
    project = only(template(assembly, "dev-build"), "AWS::CodeBuild::Project")
    assert project["Source"]["BuildSpec"] == "model_build/buildspec.yml"
    steps = yaml.safe_load((ROOT / project["Source"]["BuildSpec"]).read_text())
    commands = "\n".join(steps["phases"]["build"]["commands"])
    assert 'python -m model_build "model_build/specs/$MODEL.toml"' in commands
    given = {v["Name"] for v in project["Environment"]["EnvironmentVariables"]}
    assert given == {"MODEL", "STAGE", "BUCKET", "REPOSITORY"}


def test_a_deployed_build_says_what_to_type_for_the_first_release(
    assembly: Path,
) -> None:
    built = template(assembly, "dev-build")
    said = [
        "".join(str(part) for part in output["Value"]["Fn::Join"][1])
        for output in built["Outputs"].values()
    ]
    source = only(built, "AWS::CodeBuild::Project")["Source"]["Location"]
    key = source["Fn::Join"][1][-1]
    assert any("git archive" in line and line.endswith(key) for line in said)
    assert any("codebuild start-build" in line for line in said)
    release = "releases/dev/support-sentiment.json"
    assert any(line.endswith(f"{release} stacks/{release}") for line in said)


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
    policies = of_type(template(assembly, "dev-build"), "AWS::IAM::Policy")
    puts = [
        resource
        for policy in policies
        for statement in policy["PolicyDocument"]["Statement"]
        if "s3:PutObject" in statement["Action"]
        for resource in statement["Resource"]
    ]
    paths = sorted(str(put["Fn::Join"][1][-1]) for put in puts)
    assert paths == [
        "/releases/dev/support-sentiment.json",
        "/reports/dev/support-sentiment/*",
    ]


def test_a_build_reads_its_source_and_nothing_else(assembly: Path) -> None:
    policy = only(template(assembly, "dev-build"), "AWS::IAM::Policy")
    reads = [
        resource["Fn::Join"][1][2:]  # behind arn:aws:s3::: and the bucket
        for statement in policy["PolicyDocument"]["Statement"]
        if "s3:GetObject*" in statement["Action"]
        for resource in statement["Resource"]
    ]
    assert reads == [["/source/lathe.zip"], []]


def test_a_cluster_is_watched_where_the_stage_pays_for_it(assembly: Path) -> None:
    for stage in STAGES:
        cluster = only(template(assembly, f"{stage.name}-cluster"), "AWS::ECS::Cluster")
        (setting,) = cluster["ClusterSettings"]
        assert setting["Value"] == (
            "enabled" if stage.container_insights else "disabled"
        )
