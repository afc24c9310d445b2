"""Every dollar can be asked whose it is, and every log ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from app import build
from stacks.tags import COST_TAGS, MODEL_TAG
from tests.conftest import ManifestFactory
from tests.stacks.conftest import CDK_JSON, SHOWN, of_type, release

EVERYWHERE = set(COST_TAGS) - {MODEL_TAG}

# What copies of a resource carry only where it is told to hand its tags on.
HANDED_ON = {
    "AWS::ECS::Service": ("PropagateTags", "SERVICE"),
}


@pytest.fixture(scope="module")
def taggable(
    tmp_path_factory: pytest.TempPathFactory, make_manifest: ManifestFactory
) -> set[str]:
    """The types, of all that is made, to which CDK's own tag manager gives tags."""
    folder = tmp_path_factory.mktemp("tree")
    release(folder / "releases", make_manifest())
    flags = json.loads(CDK_JSON.read_text())["context"]
    app = cdk.App(context=flags, outdir=str(folder), analytics_reporting=False)
    build(app, SHOWN, folder / "releases")
    found = {
        node.cfn_resource_type: cdk.TagManager.of(node) is not None
        for node in app.node.find_all()
        if isinstance(node, cdk.CfnResource)
    }
    return {kind for kind, can in found.items() if can}


def resources(assembly: Path) -> list[tuple[str, str, str, dict[str, Any]]]:
    return [
        (path.name, id_, resource["Type"], resource.get("Properties", {}))
        for path in sorted(assembly.glob("*.template.json"))
        for id_, resource in json.loads(path.read_text())["Resources"].items()
    ]


def tags(properties: dict[str, Any]) -> set[str]:
    """Keys, in any of the three forms that resource types have them in."""
    found = next(
        (properties[key] for key in ("Tags", "ResourceTags") if key in properties), []
    )
    return set(found) if isinstance(found, dict) else {tag["Key"] for tag in found}


def test_nothing_that_can_be_tagged_is_without_the_tags_that_a_bill_is_cut_by(
    assembly: Path, taggable: set[str]
) -> None:
    bare = {
        (template, id_, kind): EVERYWHERE - tags(properties)
        for template, id_, kind, properties in resources(assembly)
        if kind in taggable and EVERYWHERE - tags(properties)
    }
    assert not bare


def test_what_is_an_endpoints_names_its_model(
    endpoint: dict[str, Any], taggable: set[str]
) -> None:
    for kind in {r["Type"] for r in endpoint["Resources"].values()} & taggable:
        for properties in of_type(endpoint, kind):
            assert MODEL_TAG in tags(properties), kind


def test_what_makes_copies_hands_its_tags_on(assembly: Path) -> None:
    for template, id_, kind, properties in resources(assembly):
        if kind in HANDED_ON:
            name, value = HANDED_ON[kind]
            assert properties.get(name) == value, (template, id_)
        if kind == "AWS::AutoScaling::AutoScalingGroup":
            handed = {t["Key"] for t in properties["Tags"] if t["PropagateAtLaunch"]}
            assert handed >= EVERYWHERE, (template, id_)


def test_every_log_group_ends(assembly: Path) -> None:
    endless = [
        (template, id_)
        for template, id_, kind, properties in resources(assembly)
        if kind == "AWS::Logs::LogGroup" and not properties.get("RetentionInDays")
    ]
    assert not endless
