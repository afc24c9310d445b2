from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from app import build
from manifest import Manifest
from stacks.config import demonstration
from stacks.settings.deployment import Deployment
from stacks.settings.door import Cognito, Oidc
from tests.conftest import ManifestFactory

SHOWN = demonstration()  # what is deployed, and the stage that shows every option
STAGES = SHOWN.stages
DEV, PROD, DEMO = STAGES
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/0"
INSIDE = DEV.endpoints[0]
SIGNED_IN = replace(
    INSIDE.door, internal=False, certificate_arn=CERTIFICATE, callers=("192.0.2.0/24",)
)
UNCHECKED = replace(INSIDE.rollout, checked=False)
PEOPLE = Cognito(
    "arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_abc",
    "client",
    "team",
)
PROVIDER = Oidc(
    issuer="https://id.example",
    authorization_endpoint="https://id.example/authorize",
    token_endpoint="https://id.example/token",
    user_info_endpoint="https://id.example/people",
    client_id="lathe",
    client_secret_name="lathe/oidc",
)
VARIANTS = (
    replace(
        PROD.endpoints[0],
        name="canary",
        scaling=replace(PROD.endpoints[0].scaling, in_flight=3),
    ),
    replace(
        INSIDE,
        name="cognito",
        door=replace(SIGNED_IN, access=PEOPLE),
        rollout=UNCHECKED,
    ),
    replace(
        INSIDE,
        name="oidc",
        door=replace(SIGNED_IN, access=PROVIDER),
        rollout=UNCHECKED,
    ),
)
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


def named(found: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """The properties of every resource of a type, by logical id."""
    return {
        id_: resource.get("Properties", {})
        for id_, resource in found["Resources"].items()
        if resource["Type"] == kind
    }


def only(found: dict[str, Any], kind: str) -> dict[str, Any]:
    (properties,) = of_type(found, kind)
    return properties


@pytest.fixture(scope="session")
def endpoint(assembly: Path) -> dict[str, Any]:
    """The template of the one released model."""
    return template(assembly, "dev-endpoint-support-sentiment")


@pytest.fixture(scope="session")
def internet(assembly: Path) -> dict[str, Any]:
    """The template of an endpoint on the internet: a key, a firewall, linear rollout."""
    return template(assembly, "demo-endpoint-internet")


@pytest.fixture(scope="session")
def queue(assembly: Path) -> dict[str, Any]:
    """The template of an endpoint that is asked through a queue."""
    return template(assembly, "demo-endpoint-queue")


@pytest.fixture(scope="session")
def serverless(assembly: Path) -> dict[str, Any]:
    """The template of an endpoint that a function answers for."""
    return template(assembly, "demo-endpoint-function")


@pytest.fixture(scope="session")
def gpu(assembly: Path) -> dict[str, Any]:
    """The template of an endpoint on GPUs: TF Serving, blue-green, checked."""
    return template(assembly, "demo-endpoint-gpu")


@pytest.fixture(scope="session")
def variants(
    tmp_path_factory: pytest.TempPathFactory, make_manifest: ManifestFactory
) -> dict[str, dict[str, Any]]:
    """The templates, by endpoint, of ways in and out that no stage has: one synth."""
    folder = tmp_path_factory.mktemp("variants")
    write_release(folder / "releases", "dev", make_manifest())
    names = [each.name for each in VARIANTS]
    what = replace(SHOWN, stages=(replace(DEV, endpoints=VARIANTS), PROD))
    out = synthesize(folder / "cdk.out", folder / "releases", what)
    return {name: template(out, f"dev-endpoint-{name}") for name in names}
