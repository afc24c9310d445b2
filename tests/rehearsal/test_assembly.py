from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rehearsal.account import RehearsalError
from rehearsal.assembly import read_assembly


def _write(folder: Path, artifacts: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"version": "36.0.0", "artifacts": artifacts})
    (folder / "manifest.json").write_text(text, encoding="utf-8")


STACK = {
    "type": "aws:cloudformation:stack",
    "environment": "aws://unknown-account/us-east-1",
    "properties": {"templateFile": "t.json", "stackName": "dev-network"},
    "displayName": "dev/network",
}
TEMPLATE = {
    "Resources": {
        "Kept": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"},
        "Gone": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
    }
}


def test_stacks_of_nested_assemblies_are_found(tmp_path: Path) -> None:
    nested = {
        "type": "cdk:cloud-assembly",
        "properties": {"directoryName": "assembly-dev"},
    }
    _write(tmp_path, {"assembly-dev": nested, "Tree": {"type": "cdk:tree"}})
    _write(tmp_path / "assembly-dev", {"network": STACK})
    (tmp_path / "assembly-dev/t.json").write_text(json.dumps(TEMPLATE))
    (stack,) = read_assembly(tmp_path)
    assert (stack.name, stack.path, stack.stage) == (
        "dev-network",
        "dev/network",
        "dev",
    )
    assert [resource.retained for resource in stack.resources] == [True, False]


def test_what_is_no_assembly_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(RehearsalError, match=f"{tmp_path}: not a cloud assembly"):
        read_assembly(tmp_path)
    _write(tmp_path, {"network": STACK})
    with pytest.raises(RehearsalError, match=r"t\.json"):
        read_assembly(tmp_path)
