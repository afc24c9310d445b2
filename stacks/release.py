"""What stacks/releases says is deployed, refused where it could not run."""

from __future__ import annotations

from pathlib import Path

from costs.fargate import FargateSize, SizeError, fargate_size
from manifest import Manifest, ManifestError, read_manifest
from stacks.settings.checked import ConfigError

RUNTIME = "flask"  # the one whose port and health check an endpoint knows


def read_release(path: Path, model: str) -> Manifest | None:
    """Return a model's release, None while nothing was built.

    Raises ManifestError or ConfigError, naming the file, the field and the value.
    """
    if not path.exists():
        return None
    release = read_manifest(path)
    if release.name != model:
        raise ConfigError(f"{path}: name: {release.name!r} is not {model!r}")
    if release.runtime != RUNTIME:
        raise ConfigError(f"{path}: runtime: {release.runtime!r} is not {RUNTIME!r}")
    try:
        task_size(release)
    except (ManifestError, SizeError) as error:
        raise ConfigError(f"{path}: {error}") from None
    return release


def task_size(release: Manifest) -> FargateSize:
    """Return the cheapest task that holds what the release was measured to need."""
    _, serving = release.measured()
    return fargate_size(serving.memory_mib, vcpu=serving.vcpu)


def unused(folder: Path, models: list[str]) -> list[str]:
    """Return the names of releases that no endpoint runs: often a misspelt name."""
    return sorted(
        path.stem for path in folder.glob("*.json") if path.stem not in models
    )


def strays(releases: Path, stages: list[str]) -> list[str]:
    """Return the folders of releases that are no stage's: often a misspelt name."""
    return sorted(
        path.name
        for path in releases.iterdir()
        if path.is_dir() and path.name not in stages
    )
