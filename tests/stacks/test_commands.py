"""What a person types about releases: a real repository, a real S3 and registry API."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from manifest import Manifest, read_manifest
from rehearsal.account import ACCOUNT, REGION, Account
from rehearsal.emulator import start_emulator
from stacks.__main__ import COMMANDS
from stacks.commands import check, release, rollback
from stacks.commands.checkout import Checkout
from tests.conftest import ManifestFactory
from tests.stacks.conftest import SHOWN

ROOT = Path(__file__).parents[2]
MODEL = "support-sentiment"
BUCKET = f"lathe-artifacts-{ACCOUNT}-{REGION}"
SPEC = b'name = "support-sentiment"\n'
DIGEST = hashlib.sha256(SPEC).hexdigest()
OLD, NEW, NEWER = "a" * 12, "b" * 12, "c" * 12

Make = Callable[[str], Manifest]


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account with a registry and a bucket, as delivery-registry makes them."""
    with start_emulator(tmp_path_factory.mktemp("emulator")) as found:
        found.client("s3").create_bucket(Bucket=BUCKET)
        for runtime in ("flask", "tf_serving"):
            found.client("ecr").create_repository(
                repositoryName=f"lathe/{MODEL}/{runtime}"
            )
        yield found


@pytest.fixture
def reached(account: Account, monkeypatch: pytest.MonkeyPatch) -> Account:
    """The same, by the environment, as a person's credentials are found."""
    for name, value in {
        "AWS_ENDPOINT_URL": account.endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }.items():
        monkeypatch.setenv(name, value)
    return account


@pytest.fixture
def make(make_manifest: ManifestFactory) -> Make:
    return lambda version: make_manifest(version=version, spec_digest=DIGEST)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A git repository with the committed spec, and no release."""
    spec = tmp_path / "model_build" / "specs" / f"{MODEL}.toml"
    spec.parent.mkdir(parents=True)
    spec.write_bytes(SPEC)
    git(tmp_path, "init", "--quiet")
    commit(tmp_path, "Ask for a model")
    return tmp_path


def git(root: Path, *arguments: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", "-C", str(root), *who, *arguments], check=True)


def commit(root: Path, message: str) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", message)


def publish(account: Account, manifest: Manifest, *runtimes: str) -> None:
    """What a build leaves: its release, the newest of all, and images."""
    for key in (f"{manifest.version}/manifest.json", "newest.json"):
        account.client("s3").put_object(
            Bucket=BUCKET, Key=f"releases/{MODEL}/{key}", Body=manifest.to_json()
        )
    for runtime in runtimes:
        account.client("ecr").put_image(
            repositoryName=f"lathe/{MODEL}/{runtime}",
            imageManifest=json.dumps({"schemaVersion": 2, "of": manifest.version}),
            imageTag=manifest.image_tag,
        )


def released(root: Path, stage: str = "dev") -> str:
    path = root / "stacks" / "releases" / stage / f"{MODEL}.json"
    return read_manifest(path).version


def run(command: str, root: Path, *arguments: str) -> int:
    main = {"release": release, "rollback": rollback, "check": check}[command].main
    return main([*arguments, "--root", str(root)], SHOWN)


def test_the_newest_build_becomes_the_release_of_the_first_stage(
    root: Path, make: Make, reached: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(reached, make(NEW), "flask")
    assert run("release", root, MODEL) == 0
    assert released(root) == NEW
    assert capsys.readouterr().out == f"dev: {MODEL} nothing -> {NEW}\n"
    path = root / "stacks" / "releases" / "dev" / f"{MODEL}.json"
    assert path.read_text() == make(NEW).to_json()
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert run("release", root, MODEL, "--json") == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert record == {"stage": "dev", "name": MODEL, "version": NEW, "before": NEW}


def test_an_earlier_version_and_an_address_can_be_released_too(
    root: Path, make: Make, reached: Account
) -> None:
    for version in (OLD, NEW):
        publish(reached, make(version), "flask")
    assert run("release", root, MODEL, "--stage", "prod", "--version", OLD) == 0
    assert released(root, "prod") == OLD
    address = f"s3://{BUCKET}/releases/{MODEL}/{NEW}/manifest.json"
    assert run("release", root, MODEL, "--stage", "prod", "--from", address) == 0
    assert released(root, "prod") == NEW


def test_a_release_whose_image_is_not_there_is_refused(
    root: Path, make: Make, reached: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(reached, make(NEWER))
    assert run("release", root, MODEL) == 1
    said = capsys.readouterr().err
    assert said == f"refused: {MODEL}-{NEWER}: the registry has no flask image\n"
    assert not (root / "stacks").exists()


def test_each_runtime_of_a_stage_needs_its_image(
    root: Path, make: Make, reached: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    """demo runs the model by both; dev by one."""
    manifest = make("d" * 12)
    publish(reached, manifest, "flask")
    assert run("release", root, MODEL, "--stage", "demo") == 1
    assert "no tf_serving image" in capsys.readouterr().err
    publish(reached, manifest, "tf_serving")
    assert run("release", root, MODEL, "--stage", "demo") == 0


def test_a_model_that_was_never_built_is_waited_for(
    root: Path, reached: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    for listed in reached.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]:
        reached.client("s3").delete_object(Bucket=BUCKET, Key=listed["Key"])
    assert run("release", root, MODEL) == 1
    assert "no such build was published" in capsys.readouterr().err
    assert run("release", root, "--newest", "--stage", "demo") == 0
    assert "is waiting for its first build" in capsys.readouterr().err


def test_a_bucket_that_is_not_there_is_one_line(
    root: Path, reached: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("release", root, MODEL, "--from", "s3://elsewhere/newest.json") == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "NoSuchBucket" in said


def test_a_build_directory_can_be_released_without_an_account(
    root: Path, make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "manifest.json").write_text(make(NEW).to_json())
    assert run("release", root, MODEL, "--from", str(tmp_path / "dist")) == 0
    assert released(root) == NEW
    assert run("release", root, MODEL, "--from", str(tmp_path)) == 1
    assert "no such file" in capsys.readouterr().err


def test_a_spec_that_is_not_committed_is_not_the_spec(
    root: Path, make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # red if the working tree is asked: what runs would have no commit that says why
    changed = SPEC + b"# a trial\n"
    Checkout(root).spec(MODEL).write_bytes(changed)
    digest = hashlib.sha256(changed).hexdigest()
    (tmp_path / "dist").mkdir()
    trial = replace(make(NEW), spec_digest=digest)
    (tmp_path / "dist" / "manifest.json").write_text(trial.to_json())
    assert run("release", root, MODEL, "--from", str(tmp_path / "dist")) == 1
    assert f"spec_digest: {digest[:12]} is not {DIGEST[:12]}" in capsys.readouterr().err
    commit(root, "Keep the trial")
    assert run("release", root, MODEL, "--from", str(tmp_path / "dist")) == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"spec_digest": "9" * 64}, "spec_digest: 999999999999 is not"),
        ({"name": "other"}, "name: 'other' is not 'support-sentiment'"),
        ({"serving": None}, "serving: not measured"),
        ({"files": {"saved_model/x": "2" * 64}}, "flask: it has tf_serving only"),
    ],
)
def test_what_must_not_run_is_not_released(
    root: Path,
    make: Make,
    tmp_path: Path,
    change: dict[str, object],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    manifest = replace(make(NEW), **change)  # type: ignore[arg-type]
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "manifest.json").write_text(manifest.to_json())
    assert run("release", root, MODEL, "--from", str(tmp_path / "dist")) == 1
    assert said in capsys.readouterr().err
    assert not (root / "stacks").exists()


def test_a_stage_or_model_that_is_not_configured_is_named(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("release", root, MODEL, "--stage", "test") == 1
    assert "--stage: 'test' is not one of dev, prod, demo" in capsys.readouterr().err
    assert run("release", root, "other") == 1
    assert f"other: dev has endpoints for {MODEL}" in capsys.readouterr().err


def write(root: Path, manifest: Manifest, stage: str = "dev") -> None:
    path = root / "stacks" / "releases" / stage / f"{MODEL}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(manifest.to_json())


@pytest.fixture
def history(root: Path, make: Make) -> Path:
    for version in (OLD, NEW, NEWER):
        write(root, make(version))
        commit(root, f"Release {version}")
    return root


def test_rollback_is_the_release_before_and_the_one_before_that(
    history: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("rollback", history, MODEL, "--stage", "dev") == 0
    assert released(history) == NEW
    assert f"{NEWER} -> {NEW}, of commit" in capsys.readouterr().out
    assert run("rollback", history, MODEL, "--stage", "dev") == 0
    assert released(history) == OLD
    assert run("rollback", history, MODEL, "--stage", "dev") == 1
    assert "has no release" in capsys.readouterr().err
    assert released(history) == OLD


def test_a_committed_rollback_is_not_rolled_back_to_what_was_bad(
    history: Path,
) -> None:
    run("rollback", history, MODEL, "--stage", "dev")
    commit(history, "Roll back")
    assert run("rollback", history, MODEL, "--stage", "dev") == 0
    assert released(history) == OLD


def test_a_release_that_was_not_committed_is_rolled_back_to_what_was(
    history: Path, make: Make
) -> None:
    write(history, make("e" * 12))
    assert run("rollback", history, MODEL, "--stage", "dev") == 0
    assert released(history) == NEWER


def test_rollback_goes_to_a_version_that_is_asked_for(history: Path) -> None:
    asked = (MODEL, "--stage", "dev", "--version", OLD)
    assert run("rollback", history, *asked) == 0
    assert released(history) == OLD


def test_a_release_of_an_older_schema_is_passed_over(root: Path, make: Make) -> None:
    write(root, make(OLD))
    commit(root, "Release")
    path = root / "stacks" / "releases" / "dev" / f"{MODEL}.json"
    path.write_text('{"schema": 1}')
    commit(root, "Release by an older build")
    write(root, make(NEW))
    commit(root, "Release")
    assert run("rollback", root, MODEL, "--stage", "dev") == 0
    assert released(root) == OLD


def test_check_passes_what_was_built_from_the_committed_spec(
    history: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("check", history) == 0
    assert "of the committed spec" in capsys.readouterr().out


def test_a_stage_that_stays_behind_passes_by_the_history_of_its_spec(
    history: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (history / "model_build" / "specs" / f"{MODEL}.toml").write_bytes(SPEC + b"# more")
    commit(history, "Ask for more")
    assert run("check", history) == 0
    assert "of an earlier spec" in capsys.readouterr().out
    assert run("rollback", history, MODEL, "--stage", "dev") == 0  # it still can be


def test_check_names_every_release_that_it_refuses(
    root: Path, make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    write(root, replace(make(NEW), spec_digest="9" * 64))
    write(root, replace(make(NEW), quality=None), "prod")
    write(root, make(NEW), "test")
    (root / "stacks" / "releases" / "demo").mkdir()
    (root / "stacks" / "releases" / "demo" / f"{MODEL}.json").write_text("{")
    assert run("check", root, "--json") == 1
    why = {each["file"]: each["why"] for each in json.loads(capsys.readouterr().out)}
    folder = "stacks/releases"
    assert "spec_digest: 999999999999" in why[f"{folder}/dev/{MODEL}.json"]
    assert "quality: not measured" in why[f"{folder}/prod/{MODEL}.json"]
    assert "cannot be read as JSON" in why[f"{folder}/demo/{MODEL}.json"]
    assert why[f"{folder}/test/{MODEL}.json"] == "no stage test"


def test_a_folder_that_is_not_there_passes_no_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("check", tmp_path / "nowhere") == 2
    assert "stacks/releases: no such directory" in capsys.readouterr().err


def test_nothing_to_check_is_said(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "stacks" / "releases").mkdir(parents=True, exist_ok=True)
    assert run("check", root) == 0
    assert "waiting for its first build" in capsys.readouterr().out


def test_what_this_repository_has_committed_passes() -> None:
    assert check.main([]) == 0


@pytest.mark.parametrize(
    "command", ["release", "rollback", "check", "deployed", "review", "comment"]
)
def test_a_command_teaches_itself_without_an_account(command: str) -> None:
    assert command in COMMANDS
    said = subprocess.run(
        [sys.executable, "-m", "stacks", command, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "exit code" in said.stdout
