from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rehearsal.cdk import CdkCli
from rehearsal.recognition import digest, recognised
from rehearsal.result import Finding, Phase, Rehearsal, Release, TypeLine

REHEARSAL = Rehearsal(
    digest="d" * 64,
    stacks=("dev-network",),
    types=(TypeLine("AWS::EC2::VPC", 1, 1, 0, 0, 0, 2, 2, {}),),
    releases=(Release("dev", "m", "m-1", "arn"),),
    retained=(),
    removed=1,
    phases=(Phase("create", 1.0, ("1 of 1 resources read back as asked",)),),
)


@pytest.fixture
def house(tmp_path: Path) -> Path:
    root = tmp_path / "house"
    files = [
        "app.py",
        "cdk.json",
        "manifest.py",
        "package-lock.json",
        "requirements.txt",
        "stacks/endpoint.py",
        "stacks/releases/dev/other.json",
        "costs/fargate.py",
        "rehearsal/readers/network.py",
        "releases/dev/m.json",
        "assembly/manifest.json",
        "node_modules/aws-cdk/package.json",
    ]
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name, encoding="utf-8")
    return root


def _digest(root: Path, how: tuple[str, ...] = (), assembly: bool = False) -> str:
    cli = CdkCli(
        shutil.which("true") or "", root / "node_modules/aws-cdk/bin/cdk", root
    )
    given = root / "assembly" if assembly else None
    return digest(root, cli, root / "releases", given, how)


@pytest.mark.parametrize(
    "changed",
    [
        "app.py",
        "cdk.json",
        "manifest.py",
        "package-lock.json",
        "requirements.txt",
        "stacks/endpoint.py",
        "costs/fargate.py",
        "rehearsal/readers/network.py",
        "releases/dev/m.json",
        "node_modules/aws-cdk/package.json",
    ],
)
def test_a_changed_input_is_not_recognised(house: Path, changed: str) -> None:
    before = _digest(house)
    (house / changed).write_text("changed", encoding="utf-8")
    assert _digest(house) != before


def test_a_new_release_and_another_stage_are_not_recognised(house: Path) -> None:
    digests = {_digest(house), _digest(house, ("dev",)), _digest(house, (), True)}
    (house / "releases/prod").mkdir()
    (house / "releases/prod/m.json").write_text("m", encoding="utf-8")
    assert len({*digests, _digest(house)}) == 4


def test_compiled_files_and_unused_releases_do_not_matter(house: Path) -> None:
    before = _digest(house)
    (house / "stacks/__pycache__").mkdir()
    (house / "stacks/__pycache__/endpoint.pyc").write_text("x", encoding="utf-8")
    (house / "stacks/releases/dev/other.json").write_text("x", encoding="utf-8")
    assert _digest(house) == before


def test_with_an_assembly_its_files_count_and_the_stacks_sources_do_not(
    house: Path,
) -> None:
    before = _digest(house, assembly=True)
    (house / "stacks/endpoint.py").write_text("changed", encoding="utf-8")
    assert _digest(house, assembly=True) == before
    (house / "assembly/manifest.json").write_text("changed", encoding="utf-8")
    assert _digest(house, assembly=True) != before


def _saved(path: Path, rehearsal: Rehearsal) -> Path:
    file = path / "rehearsal.json"
    file.write_text(json.dumps(rehearsal.to_json()), encoding="utf-8")
    return file


def test_a_passed_rehearsal_of_the_same_digest_is_recognised_whole(
    tmp_path: Path,
) -> None:
    assert recognised(_saved(tmp_path, REHEARSAL), "d" * 64) == REHEARSAL


def test_another_digest_a_failure_and_a_damaged_file_are_not(tmp_path: Path) -> None:
    finding = Finding("dev-network", "Vpc", "AWS::EC2::VPC", "CidrBlock", "a", "b")
    failed = replace(REHEARSAL, phases=(Phase("update", 1.0, (), (finding,)),))
    damaged: list[Callable[[], Path]] = [
        lambda: _saved(tmp_path, replace(REHEARSAL, digest="e" * 64)),
        lambda: _saved(tmp_path, failed),
        lambda: _saved(tmp_path, replace(REHEARSAL, schema=0)),
        lambda: tmp_path / "no-such-file",
    ]
    for make in damaged:
        assert recognised(make(), "d" * 64) is None
    for text in ("", "{", "[]", "{}", '{"types": 1}'):
        (tmp_path / "rehearsal.json").write_text(text, encoding="utf-8")
        assert recognised(tmp_path / "rehearsal.json", "d" * 64) is None
