"""What releases point at: kept, sealed, and nobody else's."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import yaml

from tests.stacks.conftest import (
    DEMO,
    DEV,
    PROD,
    SHOWN,
    of_type,
    only,
    synthesize,
    template,
)


def test_images_cannot_be_replaced_and_are_scanned(assembly: Path) -> None:
    registry = template(assembly, "delivery-registry")
    repositories = of_type(registry, "AWS::ECR::Repository")
    assert {each["RepositoryName"] for each in repositories} == {
        "lathe/support-sentiment/flask",
        "lathe/support-sentiment/tf_serving",
    }
    for repository in repositories:
        assert repository["ImageTagMutability"] == "IMMUTABLE"
        assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}


def test_what_releases_point_at_is_kept_when_a_stage_is_destroyed(
    assembly: Path,
) -> None:
    for path in assembly.glob("*.template.json"):
        kept = {
            r["Type"]
            for r in yaml.safe_load(path.read_text())["Resources"].values()
            if r.get("DeletionPolicy", "Delete") != "Delete"
        }
        if "registry" in path.name:
            assert kept == {"AWS::ECR::Repository", "AWS::S3::Bucket", "AWS::KMS::Key"}
        else:  # who called an endpoint may be asked for when it is gone
            assert kept <= {"AWS::S3::Bucket"}, path.name


def test_artifacts_are_private_encrypted_and_versioned(assembly: Path) -> None:
    registry = template(assembly, "delivery-registry")
    bucket, *handovers = of_type(registry, "AWS::S3::Bucket")
    assert len(handovers) == 2
    for handover in handovers:  # what steps of pipelines hand on, for a month
        assert all(handover["PublicAccessBlockConfiguration"].values())
        (rule,) = handover["LifecycleConfiguration"]["Rules"]
        assert rule["ExpirationInDays"] == 30
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert bucket["BucketEncryption"]
    policy, *_ = of_type(registry, "AWS::S3::BucketPolicy")
    statements = policy["PolicyDocument"]["Statement"]
    denied = [s for s in statements if s["Effect"] == "Deny"]
    assert {"Bool": {"aws:SecureTransport": "false"}} in [
        s["Condition"] for s in denied
    ]


def test_a_key_of_ours_encrypts_images_and_artifacts_where_asked_for(
    assembly: Path,
) -> None:
    registry = template(assembly, "delivery-registry")
    assert only(registry, "AWS::KMS::Key")["EnableKeyRotation"] is True
    for repository in of_type(registry, "AWS::ECR::Repository"):
        assert repository["EncryptionConfiguration"]["EncryptionType"] == "KMS"


def test_another_account_may_pull_and_read_releases_and_no_more(
    tmp_path: Path,
) -> None:
    away = replace(PROD, account="210987654321")
    out = synthesize(tmp_path, tmp_path, replace(SHOWN, stages=(DEV, away, DEMO)))
    registry = template(out, "delivery-registry")
    for repository in of_type(registry, "AWS::ECR::Repository"):
        away_may, *_ = repository["RepositoryPolicyText"]["Statement"]
        assert "210987654321" in str(away_may["Principal"])
        assert all("Get" in a or "Check" in a for a in away_may["Action"])
    policy, *_ = of_type(registry, "AWS::S3::BucketPolicy")
    statements = policy["PolicyDocument"]["Statement"]
    (allowed,) = (s for s in statements if s["Effect"] == "Allow")
    assert all(a.startswith(("s3:Get", "s3:List")) for a in allowed["Action"])


def test_no_image_that_a_stage_runs_is_ever_removed(assembly: Path) -> None:
    """A rule decides alone on the images it names; this one never has too many."""
    for repository in of_type(
        template(assembly, "delivery-registry"), "AWS::ECR::Repository"
    ):
        policy = json.loads(repository["LifecyclePolicy"]["LifecyclePolicyText"])
        keep, oldest = sorted(policy["rules"], key=lambda rule: rule["rulePriority"])
        tags = keep["selection"]["tagPatternList"]
        assert tags == ["support-sentiment-3f1c9a07be24*"]
        assert keep["selection"]["countNumber"] == 3
        assert oldest["selection"]["tagStatus"] == "any"
        assert oldest["selection"]["countNumber"] == SHOWN.delivery.kept_images
