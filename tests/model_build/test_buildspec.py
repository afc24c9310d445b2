"""The build in AWS, run here: its real commands, with recorded aws, docker and uv."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ManifestFactory

ROOT = Path(__file__).parents[2]
TAG = "support-sentiment-3f1c9a07be24"
IMAGE = (
    f"123456789012.dkr.ecr.us-east-1.amazonaws.com/lathe/support-sentiment/flask:{TAG}"
)
RELEASE = "s3://artifacts/releases/support-sentiment/newest.json"
REPORT = "s3://artifacts/releases/support-sentiment/3f1c9a07be24/report"
MIRROR = "public.ecr.aws/docker/library/python:"


@dataclass(frozen=True)
class Build:
    status: int
    calls: list[str]  # of the tools, in order

    def said(self, *words: str) -> list[str]:
        return [call for call in self.calls if all(word in call for word in words)]


def script(buildspec: dict[str, Any]) -> str:
    """CodeBuild's rules: one shell, stop at the first failure, `finally` always."""
    phases = buildspec["phases"]
    assert phases.keys() == {"install", "build"}
    last = "\n".join(phases["build"]["finally"])
    lines = [f"stop() {{\n{last}\nexit 1\n}}"]
    for phase in phases.values():
        lines += [f"{{\n{command}\n}} || stop" for command in phase["commands"]]
    return "\n".join([*lines, last])


def tool(path: Path, *, body: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    record = f'echo "{path.name} $*" >> "$CALLS"'
    path.write_text(f"#!/bin/bash\n{record}\n{body}\n")
    path.chmod(0o755)


@pytest.fixture
def checkout(tmp_path: Path, make_manifest: ManifestFactory) -> Path:
    """What the source zip holds, as far as the build reads it; and a model built."""
    (tmp_path / "manifest.py").write_bytes((ROOT / "manifest.py").read_bytes())
    dockerfile = "containers/flask/Dockerfile"
    (tmp_path / dockerfile).parent.mkdir(parents=True)
    (tmp_path / dockerfile).write_bytes((ROOT / dockerfile).read_bytes())
    (tmp_path / "manifest.json").write_text(make_manifest().to_json())
    (tmp_path / "report.json").write_text('{"version": "3f1c9a07be24"}')
    return tmp_path


def run(checkout: Path, *, docker: str, model_build: str) -> Build:
    """Run the buildspec; `docker` and `model_build` are what those two do."""
    tools = checkout / "tools"
    for name in ("pip", "uv"):
        tool(tools / name)
    tool(tools / "aws", body='[ "$1" != ecr ] || echo token')
    tool(tools / "docker", body=docker)
    tool(checkout / ".venv" / "build" / "bin" / "python", body=model_build)
    calls = checkout / "calls"
    environment = {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "CALLS": str(calls),
        "MODEL": "support-sentiment",
        "BUCKET": "artifacts",
        "REPOSITORY": IMAGE.removesuffix(f":{TAG}"),
    }
    buildspec = yaml.safe_load((ROOT / "model_build" / "buildspec.yml").read_text())
    command = ["bash", "-c", script(buildspec)]
    done = subprocess.run(command, cwd=checkout, env=environment, check=False)
    return Build(done.returncode, calls.read_text().splitlines())


BUILT = "mkdir dist && cp manifest.json report.json dist/"
STOPPED = "mkdir dist && cp report.json dist/ && exit 1"
NEW_IMAGE = '[ "$1" != manifest ]'  # no such tag yet


def test_a_model_that_passes_is_built_baked_pushed_and_released_in_this_order(
    checkout: Path,
) -> None:
    build = run(checkout, docker=NEW_IMAGE, model_build=BUILT)
    assert build.status == 0
    command = (
        "python -m model_build model_build/specs/support-sentiment.toml --out dist"
    )
    (built,) = build.said(command)
    (baked,) = build.said("docker build", "containers/flask/Dockerfile", IMAGE)
    (pushed,) = build.said("docker push", IMAGE)
    (released,) = build.said("aws s3 cp", "dist/manifest.json", RELEASE)
    order = [build.calls.index(call) for call in (built, baked, pushed, released)]
    assert order == sorted(order)
    assert build.said("report.json", f"{REPORT}.json")
    assert build.said("report.html", f"{REPORT}.html")


def test_a_model_that_a_gate_stopped_is_reported_and_nothing_else(
    checkout: Path,
) -> None:
    build = run(checkout, docker=NEW_IMAGE, model_build=STOPPED)
    assert build.status != 0
    assert build.said("report.json", f"{REPORT}.json")
    assert not build.said("docker")
    assert not build.said(RELEASE)


def test_an_unchanged_model_is_released_without_a_second_push(checkout: Path) -> None:
    """The registry refuses a tag that it has."""
    build = run(checkout, docker="", model_build=BUILT)
    assert build.status == 0
    assert not build.said("docker build")
    assert not build.said("docker push")
    assert build.said(RELEASE)


@pytest.mark.parametrize("broken", ["build", "push", "login"])
def test_an_image_that_is_not_there_is_never_released(
    checkout: Path, broken: str
) -> None:
    failing = f'[ "$1" != manifest ] && [ "$1" != {broken} ]'
    build = run(checkout, docker=failing, model_build=BUILT)
    assert build.status != 0
    assert not build.said(RELEASE)


def test_a_build_that_left_no_report_fails_by_itself(checkout: Path) -> None:
    build = run(checkout, docker=NEW_IMAGE, model_build="exit 2")
    assert build.status != 0
    assert not build.said("aws")


def test_the_base_comes_from_aws_and_where_it_is_missing_from_docker_hub(
    checkout: Path,
) -> None:
    (baked,) = run(checkout, docker=NEW_IMAGE, model_build=BUILT).said("docker build")
    assert f"--build-arg BASE={MIRROR}" in baked
    assert "@sha256:" in baked  # the digest of the Dockerfile still decides


def test_without_the_mirror_the_dockerfile_s_own_base_is_used(checkout: Path) -> None:
    docker = f'{NEW_IMAGE} && [ "$1" != pull ]'
    (baked,) = run(checkout, docker=docker, model_build=BUILT).said("docker build")
    assert "BASE=" not in baked


def test_what_the_build_installs_is_locked_and_there() -> None:
    text = (ROOT / "model_build" / "buildspec.yml").read_text()
    locks = {word for word in text.split() if word.endswith(".txt")}
    assert locks
    for lock in locks:
        assert "--hash=sha256:" in (ROOT / lock).read_text(), lock
