from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from app import build
from manifest import Manifest
from stacks.config import demonstration
from stacks.settings.deployment import Deployment
from tests.conftest import ManifestFactory

SHOWN = demonstration()  # what is deployed, and the stage that shows every option
STAGES = SHOWN.stages
DEV, PROD, DEMO = STAGES
CDK_JSON = Path(__file__).parents[2] / "cdk.json"


def write_release(folder: Path, stage: str, manifest: Manifest) -> None:
    (folder / stage).mkdir(parents=True, exist_ok=True)
    (folder / stage / f"{manifest.name}.json").write_text(manifest.to_json())


def release(folder: Path, manifest: Manifest) -> None:
    """Release a model in every stage but prod, which waits for its first build."""
    for stage in (DEV, DEMO):
        write_release(folder, stage.name, manifest)


def synthesize(out: Path, releases: Path, what: Deployment = SHOWN) -> Path:
    """What the CLI does: the app with cdk.json's flags, which a bare App() lacks."""
    flags = json.loads(CDK_JSON.read_text())["context"]
    app = cdk.App(context=flags, outdir=str(out), analytics_reporting=False)
    build(app, what, releases)
    app.synth()
    return out


@pytest.fixture(scope="session", autouse=True)
def _without_the_validator() -> Any:
    """It costs six seconds a process; the CLI runs it in every real synth."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CDK_VALIDATION", "false")
        yield


@pytest.fixture(scope="session")
def assembly(
    tmp_path_factory: pytest.TempPathFactory, make_manifest: ManifestFactory
) -> Path:
    """Every stage, all but prod with a release: one synth for the whole run."""
    folder = tmp_path_factory.mktemp("synth")
    release(folder / "releases", make_manifest())
    return synthesize(folder / "cdk.out", folder / "releases")


def template(assembly: Path, stack: str) -> dict[str, Any]:
    """The template of a stack, by its deployed name."""
    manifest = json.loads((assembly / "manifest.json").read_text())
    for artifact in manifest["artifacts"].values():
        properties = artifact.get("properties", {})
        if properties.get("stackName") == stack:
            found: dict[str, Any] = json.loads(
                (assembly / properties["templateFile"]).read_text()
            )
            return found
    raise LookupError(stack)


def of_type(found: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """The properties of every resource of a type."""
    return [
        resource.get("Properties", {})
        for resource in found["Resources"].values()
        if resource["Type"] == kind
    ]


def only(found: dict[str, Any], kind: str) -> dict[str, Any]:
    (properties,) = of_type(found, kind)
    return properties


@pytest.fixture(scope="session")
def endpoint(assembly: Path) -> dict[str, Any]:
    """The template of the one released model."""
    return template(assembly, "dev-endpoint-support-sentiment")
