from __future__ import annotations

import json
from pathlib import Path

import pytest

from costs.assembly import AssemblyError
from costs.reading import read_assembly
from tests.costs.samples import resource, stages, write_assembly


def test_reads_every_stack_of_every_stage(tmp_path: Path) -> None:
    both = {**stages(), "prod": {"prod-network": {"Vpc": resource("EC2::VPC")}}}
    assembly = read_assembly(write_assembly(tmp_path, both))
    assert assembly.stages == ("dev", "prod")
    assert {(stack.stage, stack.name, stack.region) for stack in assembly.stacks} == {
        ("dev", "dev-network", "us-east-1"),
        ("dev", "dev-endpoint", "us-east-1"),
        ("dev", "dev-registry", "us-east-1"),
        ("prod", "prod-network", "us-east-1"),
    }


def test_a_stage_may_be_a_plain_construct_around_its_stacks(tmp_path: Path) -> None:
    (nested,) = write_assembly(tmp_path, stages()).glob("assembly-*")
    found = read_assembly(nested)
    assert found.stages == ("dev",)
    assert {path for s in found.stacks for path in s.paths.values()} >= {
        "Log",
        "Builds",
    }


def test_one_stage_leaves_out_the_others(tmp_path: Path) -> None:
    both = {**stages(), "prod": {"prod-network": {"Vpc": resource("EC2::VPC")}}}
    kept = read_assembly(write_assembly(tmp_path, both)).stage("prod")
    assert [stack.name for stack in kept.stacks] == ["prod-network"]


def test_finds_construct_paths_in_the_metadata_of_the_assembly(tmp_path: Path) -> None:
    """Without the CDK CLI, templates do not carry them."""
    found = {"Queue1A2B": resource("SQS::Queue")}
    directory = write_assembly(tmp_path, {"dev": {"dev-one": found}})
    nested = directory / "assembly-dev"
    paths = {
        "/dev/one/Queue/Resource": [{"type": "aws:cdk:logicalId", "data": "Queue1A2B"}]
    }
    (nested / "one.metadata.json").write_text(json.dumps(paths))
    manifest = json.loads((nested / "manifest.json").read_text())
    manifest["artifacts"]["dev-oneArtifact"]["additionalMetadataFile"] = (
        "one.metadata.json"
    )
    (nested / "manifest.json").write_text(json.dumps(manifest))
    (stack,) = read_assembly(directory).stacks
    assert [resource.path for resource in stack.resources] == ["Queue"]


def test_a_stack_is_called_as_its_artifact_where_the_name_is_left_out(
    tmp_path: Path,
) -> None:
    directory = write_assembly(tmp_path, {"dev": {"dev-one": {}}})
    path = directory / "assembly-dev" / "manifest.json"
    path.write_text(path.read_text().replace('"stackName"', '"other"'))
    assert [stack.name for stack in read_assembly(directory).stacks] == [
        "dev-oneArtifact"
    ]


def test_a_parameter_of_the_same_name_is_read_from_the_same_stage(
    tmp_path: Path,
) -> None:
    def stack(value: str) -> dict[str, object]:
        return {
            "P": resource("SSM::Parameter", Name="/size", Value=value),
            "Queue": resource("SQS::Queue", Size="{{resolve:ssm:/size}}"),
        }

    found = {"dev": {"dev-one": stack("1")}, "prod": {"prod-one": stack("2")}}
    assembly = read_assembly(write_assembly(tmp_path, found))
    sizes = [
        stack.of_type("AWS::SQS::Queue")[0].get("Size") for stack in assembly.stacks
    ]
    assert sizes == ["1", "2"]


def test_a_resource_whose_condition_fails_is_not_there(tmp_path: Path) -> None:
    template = {
        "Conditions": {"Never": {"Fn::Equals": ["a", "b"]}},
        "Resources": {"Queue": {**resource("SQS::Queue"), "Condition": "Never"}},
    }
    directory = write_assembly(tmp_path, {"dev": {"dev-one": template}})
    assert read_assembly(directory).stacks[0].resources == ()


def test_names_a_condition_that_cannot_be_decided(tmp_path: Path) -> None:
    template = {
        "Conditions": {"Mine": {"Fn::Equals": [{"Ref": "AWS::AccountId"}, "1"]}},
        "Resources": {"Queue": {**resource("SQS::Queue"), "Condition": "Mine"}},
    }
    directory = write_assembly(tmp_path, {"dev": {"dev-one": template}})
    with pytest.raises(
        AssemblyError, match=r"dev-one: Queue .*Condition: AWS::AccountId"
    ):
        read_assembly(directory).stacks[0].resources  # noqa: B018


def test_names_a_stack_without_a_region(tmp_path: Path) -> None:
    where = "aws://unknown-account/unknown-region"
    directory = write_assembly(tmp_path, stages(), environment=where)
    with pytest.raises(AssemblyError, match="stack dev-network has no region"):
        read_assembly(directory)


def test_names_a_directory_that_is_no_assembly(tmp_path: Path) -> None:
    with pytest.raises(AssemblyError, match=r"manifest\.json: no such file.*cdk synth"):
        read_assembly(tmp_path)


def test_names_an_assembly_without_stacks(tmp_path: Path) -> None:
    with pytest.raises(AssemblyError, match="holds no stack"):
        read_assembly(write_assembly(tmp_path, {}))


def test_names_a_broken_template(tmp_path: Path) -> None:
    directory = write_assembly(tmp_path, stages())
    (directory / "assembly-dev" / "dev-network.template.json").write_text("{")
    with pytest.raises(AssemblyError, match=r"dev-network\.template\.json: cannot be"):
        read_assembly(directory)
