"""What stacks/releases says is deployed, refused where it could not run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from manifest import Architecture, Manifest, read_manifest
from stacks.settings.checked import Checked, ConfigError
from stacks.settings.deployment import Deployment
from stacks.settings.endpoint import Endpoint
from stacks.settings.job import JobConfig
from stacks.settings.serverless import ServerlessConfig
from stacks.size import function_memory, job_size, task_size


def read_release(
    path: Path, endpoint: Endpoint, architecture: Architecture | None
) -> Manifest | None:
    """Return the release of an endpoint's model, None while nothing was built.

    `architecture` is what its tasks run on, None where it may be any. Raises ManifestError or ConfigError, naming
    the file, the field and the value.
    """
    if not path.exists():
        return None
    release = read_manifest(path)
    checked = Checked(f"{path}: for endpoint {endpoint.name}")
    checked.one_of("name", release.name, (endpoint.model,))
    if architecture not in (None, release.architecture):
        checked.refuse(
            "architecture",
            release.architecture,
            f"{architecture}, which its tasks run on: build the model on that",
        )
    if endpoint.runtime not in release.runtimes:
        checked.refuse("runtimes", release.runtimes, f"made for {endpoint.runtime}")
    try:
        if isinstance(endpoint, ServerlessConfig):
            function_memory(endpoint, release)
        else:
            task_size(endpoint, release)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    return release


def read_job_release(path: Path, job: JobConfig) -> Manifest | None:
    """As `read_release`, of a job's model: its tasks run what it was measured on."""
    if not path.exists():
        return None
    release = read_manifest(path)
    checked = Checked(f"{path}: for job {job.name}")
    checked.one_of("name", release.name, (job.model,))
    checked.one_of("runtime", release.runtime, ("flask",))
    try:
        job_size(job, release)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    return release


def told(endpoint: Endpoint, release: Manifest) -> dict[str, Any]:
    """Return what an endpoint's template tells of its release: bills and reviews read it.

    So a template that runs, fetched from an account, says which model it is of and what
    was measured of that. costs/release.py is the reader.
    """
    return {
        "schema": 1,
        "endpoint": endpoint.name,
        "model": release.name,
        "version": release.version,
        "variant": release.variant,
        "engine": release.engine if endpoint.runtime == "flask" else "tf_serving",
        "runtime": endpoint.runtime,
        "architecture": release.architecture,
        "quality": asdict(release.quality) if release.quality else None,
        "serving": asdict(release.serving) if release.serving else None,
    }


def image_tags(releases: Path, what: Deployment) -> dict[str, tuple[str, ...]]:
    """Return the image tags that releases of any stage name, by model.

    Raises ManifestError naming the file.
    """
    tags: dict[str, set[str]] = {model: set() for model in what.models}
    for stage in what.stages:
        for model in what.models:
            path = releases / stage.name / f"{model}.json"
            if path.exists():
                tags[model].add(read_manifest(path).image_tag)
    return {model: tuple(sorted(found)) for model, found in tags.items()}


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
