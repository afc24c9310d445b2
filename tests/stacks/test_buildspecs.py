"""The steps of the pipelines, run here: their real commands, with recorded tools."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from images.bake import build_arguments
from images.sources import base_of
from tests.conftest import ManifestFactory

ROOT = Path(__file__).parents[2]
BUILDSPECS = sorted((ROOT / "buildspecs").glob("*.yml"))
MODEL, VERSION = "support-sentiment", "3f1c9a07be24"
TAG = f"{MODEL}-{VERSION}"
HOST = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
RELEASES = f"s3://artifacts/releases/{MODEL}"
NEWEST = f"{RELEASES}/newest.json"
MIRROR = "BASE=public.ecr.aws/docker/library/python:"


@dataclass(frozen=True)
class Run:
    status: int
    calls: list[str]  # of the tools, in order
    printed: str

    def said(self, *words: str) -> list[str]:
        return [call for call in self.calls if all(word in call for word in words)]


def script(name: str) -> str:
    """CodeBuild's rules: one shell for all commands, stop at the first that fails."""
    buildspec: dict[str, Any] = yaml.safe_load(
        (ROOT / "buildspecs" / f"{name}.yml").read_text()
    )
    phases = buildspec["phases"]
    assert phases.keys() <= {"install", "build"}  # post_build runs after a failure, too
    commands = [c for phase in phases.values() for c in phase["commands"]]
    return "\n".join(f"{{\n{command}\n}} || exit 1" for command in commands)


def tool(path: Path, body: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    record = f'echo "{path.name} $*" >> "$CALLS"'
    path.write_text(f"#!/bin/bash\n{record}\n{body}\n")
    path.chmod(0o755)


def run(
    checkout: Path,
    name: str,
    *,
    given: Mapping[str, str] | None = None,
    tools: Mapping[str, str] | None = None,
) -> Run:
    """Run a buildspec in a checkout; `tools` are programs and what they do."""
    bodies = dict.fromkeys(("pip", "uv", "npm", "docker", "cdk"), "")
    bodies["aws"] = "[ $1 != ecr ]"  # there is no such image yet
    bodies["docker"] = '[ "$1" != login ] || cat > /dev/null'
    for program, body in {**bodies, **(tools or {})}.items():
        tool(checkout / "tools" / program, body)
    calls = checkout / "calls"
    calls.touch()
    done = subprocess.run(
        ["bash", "-c", script(name)],
        cwd=checkout,
        env={
            "PATH": f"{checkout / 'tools'}:{os.environ['PATH']}",
            "CALLS": str(calls),
            "CODEBUILD_BUILD_ID": "project:7",
            "CODEBUILD_SRC_DIR_Built": str(checkout / "built-before"),
            "MODEL": MODEL,
            "BUCKET": "artifacts",
            **(given or {}),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    printed = done.stdout + done.stderr
    return Run(done.returncode, calls.read_text().splitlines(), printed)


@pytest.fixture
def artifact(tmp_path: Path, make_manifest: ManifestFactory) -> Path:
    """What a build that passed its gates leaves."""
    folder = tmp_path / "built-before"
    (folder / "litert").mkdir(parents=True)
    (folder / "manifest.json").write_text(make_manifest().to_json())
    (folder / "report.json").write_text(json.dumps({"version": VERSION}))
    for name in ("report.html", "sample.json", "README.md", "litert/model.tflite"):
        (folder / name).write_text(name)
    return folder


@pytest.fixture
def checkout(artifact: Path) -> Path:
    for runtime in ("flask", "tf_serving"):
        dockerfile = f"containers/{runtime}/Dockerfile"
        copy = artifact.parent / dockerfile
        copy.parent.mkdir(parents=True)
        copy.write_bytes((ROOT / dockerfile).read_bytes())
    return artifact.parent


@pytest.mark.parametrize("path", BUILDSPECS, ids=lambda path: path.stem)
def test_every_command_is_a_shell_s(path: Path) -> None:
    inner = re.findall(r"<<'END'\n(.*?)\nEND\n", script(path.stem), re.DOTALL)
    for text in [script(path.stem), *inner]:
        command = ["bash", "-n", "-c", text]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("path", BUILDSPECS, ids=lambda path: path.stem)
def test_what_a_step_installs_is_locked_and_there(path: Path) -> None:
    words = script(path.stem).split()
    for lock in {word for word in words if word.endswith(".txt") and "/" not in word}:
        if lock.startswith("requirements"):
            assert "--hash=sha256:" in (ROOT / lock).read_text(), lock


# build


def build(checkout: Path, leaves: str, status: int) -> Run:
    """`leaves` is what python -m model_build leaves in built/, as a shell has it."""
    body = f"mkdir -p built; cd built; {leaves}; exit {status}"
    tool(checkout / ".venv" / "build" / "bin" / "python", body)
    return run(checkout, "build")


def test_a_build_hands_on_the_artifact_and_not_its_steps(tmp_path: Path) -> None:
    leaves = "touch manifest.json report.json; mkdir -p steps/pass-x litert"
    done = build(tmp_path, leaves, 0)
    assert done.status == 0
    assert done.said(f"python -m model_build model_build/specs/{MODEL}.toml")
    handed = sorted(path.name for path in (tmp_path / "dist").iterdir())
    assert handed == ["litert", "manifest.json", "report.json"]


def test_a_model_that_a_gate_stopped_hands_on_its_report(tmp_path: Path) -> None:
    assert build(tmp_path, "touch report.json", 1).status == 0
    assert [each.name for each in (tmp_path / "dist").iterdir()] == ["report.json"]


@pytest.mark.parametrize(("leaves", "status"), [("touch report.json", 2), ("true", 1)])
def test_what_could_not_be_built_fails(
    tmp_path: Path, leaves: str, status: int
) -> None:
    assert build(tmp_path, leaves, status).status != 0


def test_finished_steps_are_what_is_cached() -> None:
    text = (ROOT / "buildspecs" / "build.yml").read_text()
    buildspec = yaml.safe_load(text)
    (cached,) = buildspec["cache"]["paths"]
    assert cached == "built/steps/**/*"
    assert "--out built" in text


# bake


ECR = 'case "$1 $2" in "ecr get-login-password") echo x;; *) exit 1;; esac'


def bake(checkout: Path, images: str = "flask", **tools: str) -> Run:
    given = {"REGISTRY": f"{HOST}/lathe/{MODEL}", "IMAGES": images}
    return run(checkout, "bake", given=given, tools={"aws": ECR, **tools})


def test_an_image_is_baked_for_the_release_s_machine_with_its_parts_listed(
    checkout: Path,
) -> None:
    done = bake(checkout)
    assert done.status == 0, done.printed
    (baked,) = done.said("docker buildx build", f"{HOST}/lathe/{MODEL}/flask:{TAG}")
    for option in ("--push", "--sbom=true", "--provenance=mode=max"):
        assert option in baked
    assert "--platform linux/amd64" in baked
    assert f"--file containers/flask/Dockerfile {'--sbom'}" in baked
    assert (checkout / "dist" / "litert" / "model.tflite").exists()


def test_a_pipeline_bakes_with_the_arguments_of_make_images(
    checkout: Path, make_manifest: ManifestFactory
) -> None:
    (baked,) = bake(checkout).said("docker buildx build")
    given = dict(re.findall(r"--build-arg ([A-Z_]+)=(\S*)", baked))
    wanted = build_arguments(make_manifest(), base_of("flask"))
    assert given.pop("BASE").startswith(MIRROR.removeprefix("BASE="))
    assert given == {name: wanted[name] for name in wanted if name != "BASE"}


def test_an_arm_release_is_baked_for_arm(
    checkout: Path, artifact: Path, make_manifest: ManifestFactory
) -> None:
    manifest = make_manifest(architecture="arm64")
    (artifact / "manifest.json").write_text(manifest.to_json())
    assert bake(checkout).said("--platform linux/arm64")


def test_every_image_of_the_model_is_baked(checkout: Path) -> None:
    done = bake(checkout, "flask tf_serving tf_serving-gpu")
    assert len(done.said("docker buildx build")) == 3
    assert done.said("containers/tf_serving/Dockerfile", f"tf_serving:{TAG} .")
    (gpu,) = done.said(f"tf_serving:{TAG}-gpu")
    assert "BASE=docker.io/tensorflow/serving:" in gpu
    assert "-gpu --build-arg BASE_DIGEST" in gpu


def test_a_function_s_image_is_baked_on_the_one_that_serves_and_alone(
    checkout: Path,
) -> None:
    """Lambda refuses an index, which attestations make of an image."""
    done = bake(checkout, "flask flask-function")
    plain, function = done.said("docker buildx build")
    image = f"{HOST}/lathe/{MODEL}/flask:{TAG}"
    assert plain.endswith(f"--tag {image} .")
    assert function.endswith(f"--tag {image}-function .")
    assert "--file containers/function/Dockerfile --provenance=false" in function
    assert "--sbom" not in function
    assert f"--build-arg BASE={image} " in function


def test_layers_of_the_newest_release_are_used_again(checkout: Path) -> None:
    before = '{"version": "aaaaaaaaaaaa"}'
    aws = f"""case "$1 $2" in "ecr get-login-password") echo x;;
        "s3 cp") echo '{before}';; *) exit 1;; esac"""
    (baked,) = bake(checkout, aws=aws).said("docker buildx build")
    cache = (
        f"--cache-from type=registry,ref={HOST}/lathe/{MODEL}/flask:{MODEL}-{'a' * 12}"
    )
    assert cache in baked


def test_an_image_that_is_there_is_not_pushed_again(checkout: Path) -> None:
    """The registry refuses a tag that it has."""
    done = bake(checkout, aws="echo x")
    assert done.status == 0
    assert not done.said("docker buildx build")


@pytest.mark.parametrize("broken", ["login", "buildx build"])
def test_an_image_that_could_not_be_baked_fails(checkout: Path, broken: str) -> None:
    docker = f'case "$*" in "{broken}"*) exit 1;; login*) cat > /dev/null;; esac'
    assert bake(checkout, docker=docker).status != 0


def test_a_stopped_model_is_not_baked(checkout: Path, artifact: Path) -> None:
    (artifact / "manifest.json").unlink()
    done = bake(checkout)
    assert (done.status, done.calls) == (0, [])


def test_the_base_comes_from_aws_and_where_it_is_missing_from_docker_hub(
    checkout: Path,
) -> None:
    (baked,) = bake(checkout).said("docker buildx build")
    assert MIRROR in baked
    assert "@sha256:" in baked  # the digest of the Dockerfile still decides
    (checkout / "calls").unlink()
    (checkout / "dist").rename(checkout / "dist-before")
    missing = 'case "$*" in *inspect*) exit 1;; login*) cat > /dev/null;; esac'
    (baked,) = bake(checkout, docker=missing).said("docker buildx build")
    assert "BASE=" not in baked


# publish


def publish(artifact: Path, branch: str, **tools: str) -> Run:
    given = {"BRANCH": branch, "RELEASED": "main"}
    return run(artifact, "publish", given=given, tools={"aws": "", **tools})


def test_the_newest_is_published_last_and_with_all_it_is_asked_for(
    artifact: Path,
) -> None:
    done = publish(artifact, "main")
    assert done.status == 0, done.printed
    puts = [call.split()[-1] for call in done.said("aws s3 cp")]
    first = ("report.json", "report.html", "sample.json", "README.md")
    own = (*first, "manifest.json")
    assert puts == [*(f"{RELEASES}/{VERSION}/{name}" for name in own), NEWEST]


def test_another_branch_s_model_is_published_but_not_the_newest(
    artifact: Path,
) -> None:
    done = publish(artifact, "faster")
    assert done.status == 0
    assert done.said(f"{RELEASES}/{VERSION}/manifest.json")
    assert not done.said(NEWEST)


def test_a_stopped_model_publishes_its_report_and_fails(artifact: Path) -> None:
    (artifact / "manifest.json").unlink()
    done = publish(artifact, "main")
    assert done.status != 0
    assert done.said(f"{VERSION}/report.html")
    assert not done.said("manifest.json")
    assert not done.said(NEWEST)


def test_nothing_is_the_newest_that_was_not_put_whole(artifact: Path) -> None:
    aws = 'case "$*" in *sample.json*) exit 1;; esac'
    done = publish(artifact, "main", aws=aws)
    assert done.status != 0
    assert not done.said(NEWEST)


# comment, plan, deploy, smoke


def test_a_comment_says_what_the_new_release_changes(checkout: Path) -> None:
    given = {"BRANCH": "faster", "RELEASED": "main", "STAGE": "dev"}
    given |= {"PROVIDER": "github", "REPOSITORY": "a/b", "SECRET": "token"}
    tool(checkout / ".venv" / "deploy" / "bin" / "python")
    done = run(checkout, "comment", given=given)
    assert done.status == 0, done.printed
    order = ["release", "synth", "deployed", "review", "comment"]
    found = [
        word
        for call in done.calls
        for word in call.split()
        if word in order and not call.startswith(("uv", "pip"))
    ]
    assert found == order
    (said,) = done.said("stacks comment")
    assert "--repository a/b --branch faster --key support-sentiment" in said


def test_a_push_to_the_branch_itself_has_nothing_to_comment_on(
    checkout: Path,
) -> None:
    done = run(checkout, "comment", given={"BRANCH": "main", "RELEASED": "main"})
    assert done.status == 0
    assert not done.said("stacks")


PLAN = {
    "STAGE": "prod",
    "REVIEWS": "s3://deploys/reviews",
    "CONSOLE": "https://console/deploys?prefix=reviews",
}


@pytest.mark.parametrize(("auto", "asked"), [("yes", 1), ("no", 0)])
def test_a_plan_says_what_changes_and_where_to_read_it(
    checkout: Path, auto: str, asked: int
) -> None:
    tool(
        checkout / ".venv" / "deploy" / "bin" / "python",
        '[[ "$*" != *--summary ]] || echo "1 stack changes"',
    )
    text = script("plan") + '\necho "$SUMMARY at $LINK"'
    given = {**PLAN, "AUTO_RELEASE": auto}
    done = run(checkout, "plan", given=given, tools={"aws": ""})
    assert done.status == 0, done.printed
    assert len(done.said("release --newest --stage prod")) == asked
    assert done.said("aws s3 cp", "s3://deploys/reviews/prod-7.md")
    assert "$SUMMARY" in text
    exported = yaml.safe_load((ROOT / "buildspecs" / "plan.yml").read_text())["env"]
    assert exported["exported-variables"] == ["SUMMARY", "LINK"]


def test_a_deploy_deploys_the_planned_assembly_of_its_stage(checkout: Path) -> None:
    done = run(checkout, "deploy", given={"STAGE": "prod"})
    (deployed,) = done.said("cdk deploy")
    assert "--app cdk.out prod/* --require-approval never" in deployed
    assert done.status == 0


def smoke(checkout: Path, answer: str, config: str = "true") -> Run:
    aws = f"""case "$2" in get-function-configuration) {config};;
      invoke) echo '{answer}' > "${{@: -1}}";; esac"""
    given = {"STAGE": "dev", "FUNCTIONS": "dev-endpoint-a-check", "PAUSE": "0"}
    return run(checkout, "smoke", given=given, tools={"aws": aws})


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ('{"hookStatus": "SUCCEEDED", "why": "as built"}', 0),
        ('{"hookStatus": "FAILED", "why": "labels differ"}', 1),
        ('{"hookStatus": "IN_PROGRESS"}', 1),
        ('{"errorMessage": "timed out"}', 1),
    ],
)
def test_a_stage_passes_where_its_endpoints_answer_as_built(
    checkout: Path, answer: str, status: int
) -> None:
    done = smoke(checkout, answer)
    assert done.status == status
    assert answer in done.printed


def test_an_endpoint_that_does_not_answer_yet_is_asked_ten_times(
    checkout: Path,
) -> None:
    done = smoke(checkout, '{"hookStatus": "IN_PROGRESS"}')
    assert len(done.said("invoke", "--cli-read-timeout 200")) == 10


def test_an_endpoint_that_waits_for_its_first_build_is_not_asked(
    checkout: Path,
) -> None:
    gone = "echo ResourceNotFoundException >&2; exit 254"
    done = smoke(checkout, "{}", gone)
    assert done.status == 0
    assert "is waiting for its first build" in done.printed
    denied = "echo AccessDeniedException >&2; exit 254"
    assert smoke(checkout, "{}", denied).status == 1
