"""Writes what an image is made of: a CycloneDX bill of materials, and its licences.

python materials.py LAYERS REPORT: LAYERS holds a folder a layer of the image, REPORT is
what pip says it installed. Runs where the image is built, and fails that build when the
bill does not satisfy its schema.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

UNKNOWN = "not stated"


def main() -> None:
    layers, report = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
    manifest = json.loads((layers / "manifest/model/manifest.json").read_text())
    components = [
        *_interpreter(),
        *_debian(layers / "system"),
        *_python(layers / "packages/packages", report),
        _model(layers / "weights", manifest),
        _server(layers / "code", manifest),
    ]
    text = _bill(components, manifest)
    out = layers / "materials/usr/share/lathe"
    out.mkdir(parents=True)
    (out / "sbom.cdx.json").write_text(text)
    (out / "licences.txt").write_text(_licences(components))


def _bill(components: list[Component], manifest: dict[str, Any]) -> str:
    """The same components give the same bytes: no clock, no random serial number."""
    image = Component(
        name=manifest["name"],
        version=manifest["version"],
        type=ComponentType.CONTAINER,
        bom_ref="image",
    )
    said = json.dumps([str(component.bom_ref) for component in components])
    bom = Bom(
        components=components,
        metadata=BomMetaData(component=image, timestamp=datetime.fromtimestamp(0, UTC)),
        serial_number=uuid.uuid5(uuid.NAMESPACE_OID, said),
    )
    bom.register_dependency(image, components)
    text: str = JsonV1Dot6(bom).output_as_string(indent=1)
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        sys.exit(f"error: sbom.cdx.json: {error}")
    return text


def _interpreter() -> Iterator[Component]:
    version = platform.python_version()
    purl = PackageURL("generic", name="python", version=version)
    yield _component("python", version, "PSF-2.0", purl=purl)


def _debian(system: Path) -> Iterator[Component]:
    """Yield a component for each package that a file was copied of."""
    for entry in sorted((system / "var/lib/dpkg/status.d").iterdir()):
        fields = dict(re.findall(r"^(\S+): (.+)$", entry.read_text(), re.M))
        notice = system / "usr/share/doc" / entry.name / "copyright"
        text = notice.read_text() if notice.exists() else ""
        named = sorted(set(re.findall(r"^License: *(\S.*)$", text, re.M)))
        purl = PackageURL(
            "deb",
            namespace="debian",
            name=entry.name,
            version=fields["Version"],
            qualifiers={"arch": fields["Architecture"]},
        )
        licence = "; ".join(named) or f"see /{notice.relative_to(system)}"
        yield _component(entry.name, fields["Version"], licence, purl=purl)


def _python(packages: Path, report: dict[str, Any]) -> Iterator[Component]:
    """Yield each distribution with the hash of the very wheel that was installed."""
    wheels = {
        _normal(item["metadata"]["name"]): item["download_info"]
        for item in report["install"]
    }
    found = distributions(path=[str(packages)])
    for distribution in sorted(found, key=lambda each: _normal(each.name)):
        name = _normal(distribution.name)
        sha256 = wheels[name]["archive_info"]["hash"].removeprefix("sha256=")
        purl = PackageURL("pypi", name=name, version=distribution.version)
        licence = _licence(distribution)
        yield _component(
            name, distribution.version, licence, purl=purl, hashes=[_sha256(sha256)]
        )


def _licence(distribution: Distribution) -> str:
    """Return the expression, or else the classifiers, or else the first line of text."""
    fields = distribution.metadata.json
    if expression := fields.get("license_expression"):
        return str(expression)
    classified = [
        value.rpartition(" :: ")[2]
        for value in fields.get("classifier", ())
        if value.startswith("License ::")
    ]
    written = str(fields.get("license", "")).strip().partition("\n")[0]
    return "; ".join(classified) or written or UNKNOWN


def _model(layer: Path, manifest: dict[str, Any]) -> Component:
    return _component(
        manifest["name"],
        manifest["version"],
        manifest.get("licences", {}).get("weights", UNKNOWN),
        kind=ComponentType.MACHINE_LEARNING_MODEL,
        files=layer,
        properties={
            "lathe:spec_digest": manifest["spec_digest"],
            "lathe:data_digest": manifest["data_digest"],
        },
    )


def _server(layer: Path, manifest: dict[str, Any]) -> Component:
    return _component(
        "lathe-flask",
        manifest["server_digest"][:12],
        UNKNOWN,
        kind=ComponentType.APPLICATION,
        files=layer,
    )


def _component(
    name: str,
    version: str,
    licence: str,
    *,
    kind: ComponentType = ComponentType.LIBRARY,
    files: Path | None = None,
    properties: dict[str, str] | None = None,
    **fields: Any,
) -> Component:
    return Component(
        name=name,
        version=version,
        type=kind,
        bom_ref=str(fields.get("purl") or f"{kind.value}:{name}@{version}"),
        licenses=[_named(licence)] if licence != UNKNOWN else [],
        components=[*_files(files)] if files else [],
        properties=[Property(name=n, value=v) for n, v in (properties or {}).items()],
        **fields,
    )


def _named(licence: str) -> License:
    found: License = LicenseFactory().make_from_string(licence)
    return found


def _files(layer: Path) -> Iterator[Component]:
    for path in sorted(layer.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            name = f"/{path.relative_to(layer)}"
            yield Component(
                name=name,
                type=ComponentType.FILE,
                bom_ref=name,
                hashes=[_sha256(digest)],
            )


def _sha256(digest: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=digest)


def _licences(components: list[Component]) -> str:
    """One line a component; the texts are beside what they are about."""
    rows = [(each.name, each.version or "", _licence_text(each)) for each in components]
    wide = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"{n:{wide[0]}}  {v:{wide[1]}}  {licence}" for n, v, licence in rows]
    where = "texts: /usr/share/doc/*/copyright, /packages/*.dist-info"
    return "\n".join([*lines, "", where, ""])


def _licence_text(component: Component) -> str:
    named = [
        getattr(one, "value", "") or one.id or one.name for one in component.licenses
    ]
    return "; ".join(named) or UNKNOWN


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    main()
