"""The releases that a rehearsal must find running, each by its exact image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from manifest import Manifest, ManifestError, read_manifest
from rehearsal.account import RehearsalError
from rehearsal.result import Finding, Release


def read_releases(directory: Path) -> tuple[tuple[str, Manifest], ...]:
    """Return (stage, manifest) of every STAGE/NAME.json, in the order of their names.

    Raises RehearsalError for a directory that is not there or a bad manifest.
    """
    if not directory.is_dir():
        raise RehearsalError(f"releases: {directory} is not a directory")
    try:
        return tuple(
            (path.parent.name, read_manifest(path))
            for path in sorted(directory.glob("*/*.json"))
        )
    except ManifestError as error:
        raise RehearsalError(str(error)) from error


def running(
    released: Iterable[tuple[str, Manifest]], images: Mapping[str, str]
) -> tuple[tuple[Release, ...], tuple[Finding, ...]]:
    """Match each release with the task definition that was read back with its image.

    `images` maps an image to the ARN of the task definition it was found in.
    """
    releases: list[Release] = []
    findings: list[Finding] = []
    for stage, manifest in released:
        wanted = f"/lathe/{manifest.name}/{manifest.runtime}:{manifest.image_tag}"
        arn = next(
            (arn for image, arn in images.items() if image.endswith(wanted)), None
        )
        releases.append(Release(stage, manifest.name, manifest.image_tag, arn))
        if arn is None:
            findings.append(
                Finding(
                    stage,
                    f"release {manifest.name}",
                    "AWS::ECS::TaskDefinition",
                    "ContainerDefinitions.Image",
                    f"...{wanted}",
                    sorted(images),
                )
            )
    return tuple(releases), tuple(findings)
