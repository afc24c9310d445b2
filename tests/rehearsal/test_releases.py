from __future__ import annotations

from pathlib import Path

import pytest

from rehearsal.account import Account, RehearsalError
from rehearsal.handlers import containers
from rehearsal.prediction import serving
from rehearsal.prerequisites import bake
from rehearsal.releases import (
    Released,
    read_releases,
    running,
    shown,
    successors,
    write_releases,
)
from tests.conftest import ManifestFactory
from tests.rehearsal.test_types import create, named, stack_of

TAG = "support-sentiment-3f1c9a07be24"


@pytest.fixture
def released(make_manifest: ManifestFactory) -> tuple[Released, ...]:
    return (Released("dev", make_manifest()),)


def test_a_successor_is_another_version_of_the_same_model(
    released: tuple[Released, ...], tmp_path: Path
) -> None:
    (second,), (third,) = successors(released, "b"), successors(released, "c")
    versions = {each.manifest.version for each in (*released, second, third)}
    assert len(versions) == 3
    assert second.manifest.files == released[0].manifest.files
    assert read_releases(write_releases(tmp_path / "b", [second])) == (second,)


def test_the_stage_that_shows_every_option_runs_each_model_once(
    released: tuple[Released, ...],
) -> None:
    assert [each.stage for each in shown(released)] == ["dev", "demo"]
    assert shown(shown(released)) == shown(released)


def test_a_release_runs_only_in_its_own_stage(released: tuple[Released, ...]) -> None:
    image = f"1.dkr.ecr.us-east-1.amazonaws.com/lathe/support-sentiment/flask:{TAG}"
    (release,), findings = running(released, {"dev": {image: "arn:1"}})
    assert (release.task_definition, findings) == ("arn:1", ())
    (release,), (finding,) = running(released, {"demo": {image: "arn:1"}})
    assert release.task_definition is None
    assert TAG in finding.expected


def test_an_image_that_nobody_baked_cannot_be_run(
    emulator: Account, released: tuple[Released, ...], tmp_path: Path
) -> None:
    name = "lathe/support-sentiment/flask"
    repository = {"Images": named("ECR::Repository", RepositoryName=name)}
    assert create(emulator, "baked", repository)[0] == "CREATE_COMPLETE"
    bake(emulator, (stack_of(tmp_path, "baked", repository),), [released[0].manifest])
    where = f"{emulator.id}.dkr.ecr.{emulator.region}.amazonaws.com/{name}"
    emulator.client("ecs").create_cluster(clusterName="baked")
    for tag, refused in ((TAG, False), (f"{TAG}x", True)):
        container = {"Name": "m", "Image": f"{where}:{tag}", "Memory": 128}
        given = {"ContainerDefinitions": [container]}
        arn, _ = containers.register_task_definition(emulator, "T", given, "baked")
        service = {"Cluster": "baked", "TaskDefinition": arn}
        if refused:
            with pytest.raises(ValueError, match=f"CannotPullContainerError: .*{tag}"):
                containers.create_service(emulator, "Bad", service, "baked")
        else:
            containers.create_service(emulator, "Good", service, "baked")


def test_an_artifact_that_is_not_the_release_does_not_answer_for_it(
    artifact: Path, make_manifest: ManifestFactory, tmp_path: Path
) -> None:
    with (
        pytest.raises(RehearsalError, match="not the file that was built"),
        serving(
            artifact,
            make_manifest(
                files={
                    "litert/model.tflite": "2" * 64,
                    "litert/tokenizer.json": "3" * 64,
                }
            ),
            tmp_path / "served",
        ),
    ):
        pass
