"""What is in the image, read from its mounted files."""

from __future__ import annotations

import json
import re
from importlib.metadata import distributions
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from images.bake import reference
from manifest import Manifest
from tests.images.conftest import ROOT, TINY, Built

pytestmark = pytest.mark.container

MIB = 1 << 20
DEMO_WEIGHTS_MIB = 11  # what the demo's model.tflite and tokenizer.json compress to


@pytest.fixture(scope="module")
def bill(image: Built) -> str:
    return (image.files / "usr/share/lathe/sbom.cdx.json").read_text()


def names(bill: str) -> set[tuple[str, str]]:
    return {(c["name"], c["version"]) for c in json.loads(bill)["components"]}


def test_the_image_is_named_as_its_registry_has_it(
    image: Built, tiny: Manifest
) -> None:
    assert image.reference == reference(tiny, "flask")
    assert image.reference.startswith(f"lathe/{tiny.name}/flask:{tiny.image_tag}")
    assert image.reference.endswith("-local")  # tiny names another server's sources


def test_the_image_is_small(image: Built) -> None:
    assert image.said["compressed"] < (120 - DEMO_WEIGHTS_MIB) * 1_000_000
    *_, weights = image.said["layers"]
    artifact = sum(path.stat().st_size for path in (TINY / "litert").iterdir())
    assert artifact <= weights["size"] < artifact + 20_000


def is_program(path: Path) -> bool:
    """Something the kernel would start; a script has no shell here to start it."""
    if path.is_symlink() or not path.is_file() or not path.stat().st_mode & 0o111:
        return False
    library = re.search(r"\.so(\.|$)", path.name)
    return not library and path.read_bytes()[:4] == b"\x7fELF"


def test_no_shell_no_package_manager_no_compiler(image: Built) -> None:
    found = {path.name for path in image.files.rglob("*") if is_program(path)}
    assert found == {"python3.11"}
    folders = {path.name for path in image.files.rglob("*") if path.is_dir()}
    assert not folders & {"pip", "setuptools", "ensurepip", "wheel"}


def test_every_installed_distribution_is_in_the_bill(image: Built, bill: str) -> None:
    installed = {
        (re.sub(r"[-_.]+", "-", each.name).lower(), each.version)
        for each in distributions(path=[str(image.files / "packages")])
    }
    assert len(installed) > 10
    assert installed <= names(bill)


def test_the_bill_names_the_very_wheels_of_the_lock(bill: str) -> None:
    lock = (ROOT / "containers/flask/requirements-litert.txt").read_text()
    wheels = [
        component
        for component in json.loads(bill)["components"]
        if component.get("purl", "").startswith("pkg:pypi/")
    ]
    for component in wheels:
        (digest,) = component["hashes"]
        assert digest["alg"] == "SHA-256"
        assert f"--hash=sha256:{digest['content']}" in lock, component["name"]


def test_every_debian_library_is_in_the_bill_and_where_scanners_look(
    image: Built, bill: str
) -> None:
    packages = sorted((image.files / "var/lib/dpkg/status.d").iterdir())
    assert {"libc6", "libssl3", "ca-certificates"} <= {path.name for path in packages}
    for path in packages:
        version = re.findall(r"^Version: (.+)$", path.read_text(), re.M)[0]
        assert (path.name, version) in names(bill)
        assert (image.files / "usr/share/doc" / path.name / "copyright").exists()


def test_the_bill_satisfies_its_schema(bill: str) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None


def test_the_weights_and_the_server_s_own_files_are_in_the_bill(
    bill: str, tiny: Manifest
) -> None:
    files = {
        part["name"]: part["hashes"][0]["content"]
        for component in json.loads(bill)["components"]
        for part in component.get("components", [])
    }
    served = {path: d for path, d in tiny.files.items() if path.startswith("litert/")}
    assert served
    for path, digest in served.items():
        assert files[f"/model/{path}"] == digest
    assert "/srv/containers/flask/app.py" in files
    assert "/srv/manifest.py" in files


def test_each_component_s_licence_is_listed(image: Built, bill: str) -> None:
    text = (image.files / "usr/share/lathe/licences.txt").read_text()
    for name, version in names(bill):
        assert re.search(rf"^{re.escape(name)} +{re.escape(version)} +\S", text, re.M)
    assert re.search(r"^numpy .* BSD-3-Clause", text, re.M)


def test_nothing_in_the_image_depends_on_when_it_was_built(image: Built) -> None:
    for path in (image.files / "srv").rglob("*"):
        assert path.lstat().st_mtime == 0, path
