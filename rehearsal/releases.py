"""The releases that a rehearsal deploys and must find running, each by its image."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from manifest import Manifest, ManifestError, read_manifest
from rehearsal.account import RehearsalError
from rehearsal.result import Finding, Release

SHOWN = "demo"  # the stage that `-c demo=true` adds: it shows what others leave out


@dataclass(frozen=True)
class Released:
    """What one stage runs."""

    stage: str
    manifest: Manifest


def read_releases(directory: Path) -> tuple[Released, ...]:
    """Read every STAGE/NAME.json, in the order of their names.

    Raises RehearsalError for a directory that is not there or a bad manifest.
    """
    if not directory.is_dir():
        raise RehearsalError(f"releases: {directory} is not a directory")
    try:
        return tuple(
            Released(path.parent.name, read_manifest(path))
            for path in sorted(directory.glob("*/*.json"))
        )
    except ManifestError as error:
        raise RehearsalError(str(error)) from error


def write_releases(directory: Path, released: Iterable[Released]) -> Path:
    """Write them as STAGE/NAME.json, where `-c releases=` finds them; return where."""
    directory.mkdir()
    for each in released:
        file = directory / each.stage / f"{each.manifest.name}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(each.manifest.to_json(), encoding="utf-8")
    return directory


def shown(released: tuple[Released, ...]) -> tuple[Released, ...]:
    """Give the stage that shows every option a release of each model, if it has none."""
    there = {each.manifest.name for each in released if each.stage == SHOWN}
    models = {each.manifest.name: each.manifest for each in reversed(released)}
    added = (
        Released(SHOWN, each) for name, each in models.items() if name not in there
    )
    return (*released, *added)


def successors(released: tuple[Released, ...], letter: str) -> tuple[Released, ...]:
    """Return releases that differ by their server only, so by their version."""
    return tuple(
        Released(each.stage, _successor(each.manifest, letter)) for each in released
    )


def _successor(manifest: Manifest, letter: str) -> Manifest:
    digest = hashlib.sha256(f"{manifest.version} {letter}".encode()).hexdigest()
    return replace(manifest, server_digest=digest, version=digest[:12])


def images(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Yield the repository and the tag of every image that a build bakes of a release."""
    for runtime in manifest.runtimes:
        for flavour in ("", "-gpu" if runtime == "tf_serving" else "-function"):
            yield f"lathe/{manifest.name}/{runtime}", f"{manifest.image_tag}{flavour}"


def running(
    released: Iterable[Released], found: Mapping[str, Mapping[str, str]]
) -> tuple[tuple[Release, ...], tuple[Finding, ...]]:
    """Match each release with a task definition of its stage that has its image.

    `found` maps a stage to its images, and those to the ARN of their task definition.
    """
    releases: list[Release] = []
    findings: list[Finding] = []
    for each in released:
        manifest, there = each.manifest, found.get(each.stage, {})
        wanted = tuple(f"/{name}:{tag}" for name, tag in images(manifest))
        run = (arn for image, arn in there.items() if image.endswith(wanted))
        arn = next(run, None)
        releases.append(Release(each.stage, manifest.name, manifest.image_tag, arn))
        if arn is None:
            findings.append(
                Finding(
                    each.stage,
                    f"release {manifest.name}",
                    "AWS::ECS::TaskDefinition",
                    "ContainerDefinitions.Image",
                    " or ".join(f"...{image}" for image in wanted),
                    sorted(there),
                )
            )
    return tuple(releases), tuple(findings)
