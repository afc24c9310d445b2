"""One model in every mode: the copies of a stage that are billed side by side."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from costs.__main__ import main as costs
from costs.bill import bill
from costs.charges import SECONDS
from costs.modes.comparison import Comparison, compare
from costs.modes.scenario import MODES
from costs.reading import read_assembly
from costs.usage import Usage
from manifest import Manifest
from stacks.commands import modes
from stacks.commands.base import check_out
from stacks.commands.checkout import CommandError
from stacks.config import deployment
from stacks.modes import MOST, NOTHING
from stacks.settings.deployment import Deployment
from stacks.stage import MODES as STACKS
from tests.conftest import ManifestFactory
from tests.stacks.conftest import DEMO, DEV, SHOWN, of_type, write_release

Synthesized = Callable[..., Path]
NAME = "support-sentiment"
QUEUED = replace(DEV, name="queued", endpoints=(DEMO.endpoints[2],))


def written(
    path: Path, release: Manifest, what: Deployment = SHOWN, **asked: str
) -> Path:
    """The assembly that the command writes of a build directory."""
    build = path / "build"
    build.mkdir()
    (build / "manifest.json").write_text(release.to_json())
    out = path / "modes"
    given = [f"--{name}={value}" for name, value in asked.items()]
    command = [NAME, "--from", str(build), "--out", str(out), *given]
    assert modes.main(command, what) == 0
    return out


@pytest.fixture(scope="module")
def dev(
    tmp_path_factory: pytest.TempPathFactory, make_manifest: ManifestFactory
) -> Path:
    return written(tmp_path_factory.mktemp("dev"), make_manifest())


@pytest.fixture(scope="module")
def found(dev: Path) -> Comparison:
    return compare(read_assembly(dev), Usage())


def endpoints(assembly: Path) -> dict[str, dict[str, Any]]:
    """The template that each copy of the stage has beside its network and cluster."""
    manifest = json.loads((assembly / "manifest.json").read_text())
    return {
        artifact["displayName"].partition("/")[0]: json.loads(
            (assembly / artifact["properties"]["templateFile"]).read_text()
        )
        for artifact in manifest["artifacts"].values()
        if artifact["type"] == "aws:cloudformation:stack"
        and artifact["displayName"].rpartition("/")[2].startswith(("endpoint-", "job-"))
    }


def test_every_mode_of_a_stage_is_there_and_has_its_price(dev: Path) -> None:
    names = {mode.name for mode in MODES}
    assert set(endpoints(dev)) == names
    assert names == {*STACKS, "batch"}
    assert set(read_assembly(dev).stages) == {f"{n}/dev" for n in (*names, NOTHING)}


def test_a_mode_that_the_stage_has_is_as_the_stage_has_it(
    dev: Path, assembly: Path
) -> None:
    """Line by line, but for the tasks that there may be at other traffic."""

    def expected(stack: Path, stage: str) -> dict[str, float]:
        lines = bill(read_assembly(stack).stage(stage), Usage()).lines
        return {line.logical_id: line.monthly.expected for line in lines}

    own, copied = expected(assembly, "dev"), expected(dev, "real-time/dev")
    assert sorted(copied.values()) == pytest.approx(sorted(own.values()))
    (target,) = of_type(
        endpoints(dev)["real-time"], "AWS::ApplicationAutoScaling::ScalableTarget"
    )
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, MOST)


def test_modes_that_the_stage_has_not_are_on_what_it_runs_and_as_much_watched(
    dev: Path, tmp_path: Path, make_manifest: ManifestFactory
) -> None:
    """dev is on Spot without a page, prod on demand with one."""
    prod = written(tmp_path, make_manifest(), stage="prod")
    for assembly, kind, pages in ((dev, "FARGATE_SPOT", 0), (prod, "FARGATE", 1)):
        found = endpoints(assembly)
        (tasks,) = of_type(found["batch"], "AWS::Batch::ComputeEnvironment")
        assert tasks["ComputeResources"]["Type"] == kind
        (workers,) = of_type(found["asynchronous"], "AWS::ECS::Service")
        assert workers["CapacityProviderStrategy"][0]["CapacityProvider"] == kind
        for mode in ("real-time", "serverless", "asynchronous"):
            assert len(of_type(found[mode], "AWS::CloudWatch::Dashboard")) == pages


def test_real_time_costs_what_the_bill_says(found: Comparison, assembly: Path) -> None:
    own = bill(read_assembly(assembly).stage("dev"), Usage()).endpoints[0]
    (real_time,) = (each for each in found.ways if each.mode.name == "real-time")
    requests = Usage().requests_per_second.expected * SECONDS
    assert real_time.monthly(requests) == pytest.approx(own.monthly.expected)


def test_what_nobody_asks_costs_what_the_project_promises(found: Comparison) -> None:
    idle = found.points[0].monthly
    assert idle["asynchronous"] <= 2
    assert idle["batch"] == 0
    assert idle["real-time"] > 30


def test_a_release_that_is_twice_as_fast_costs_batches_half(
    found: Comparison, tmp_path: Path, make_manifest: ManifestFactory
) -> None:
    made = make_manifest()
    _, serving = made.measured()
    fast = replace(serving, requests_per_second=2 * serving.requests_per_second)
    out = written(tmp_path, make_manifest(serving=fast))
    other = compare(read_assembly(out), Usage(), [1e9])
    batch = next(each for each in found.ways if each.mode.name == "batch")
    (most,) = other.points
    assert most.monthly["batch"] == pytest.approx(batch.monthly(1e9) / 2, rel=0.01)


def test_a_stage_that_has_a_queue_alone_gets_the_other_modes_by_default(
    tmp_path: Path, make_manifest: ManifestFactory
) -> None:
    what = replace(deployment(), stages=(*deployment().stages, QUEUED))
    found = endpoints(written(tmp_path, make_manifest(), what, stage="queued"))
    assert len(of_type(found["real-time"], "AWS::ECS::Service")) == 1
    (service,) = of_type(found["real-time"], "AWS::ECS::Service")
    spot = {"CapacityProvider": "FARGATE_SPOT", "Weight": 100}
    assert spot in service["CapacityProviderStrategy"]
    topics = of_type(found["asynchronous"], "AWS::SNS::Topic")
    assert len(topics) == 2  # its own, and the one that wakes somebody


def test_the_committed_release_is_taken_where_no_build_is_named(
    tmp_path: Path,
    make_manifest: ManifestFactory,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_release(tmp_path / "stacks" / "releases", "dev", make_manifest())
    out = tmp_path / "modes"
    command = [NAME, "--out", str(out), "--root", str(tmp_path)]
    assert modes.main(command) == 0
    assert costs(["modes", str(out), "--requests", "0", "1e6"]) == 0
    title, *_ = capsys.readouterr().out.splitlines()
    assert title.startswith("support-sentiment int8 3f1c9a07be24 by mode (dev, us-")


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ([NAME], "releases/dev/support-sentiment.json: no such file: release it"),
        ([NAME, "--stage", "staging"], "--stage: 'staging' is not one of dev, prod"),
        (["summaries"], "summaries: dev runs no such model; it runs support-sentiment"),
        ([NAME, "--from", "nowhere"], "nowhere: no such file"),
    ],
)
def test_what_is_not_there_is_named(
    tmp_path: Path, command: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "modes"), "--root", str(tmp_path)]
    assert modes.main([*command, *out]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert why in said
    assert not (tmp_path / "modes").exists()


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('"name": "support-sentiment"', '"name": "other"', "name: 'other' is not"),
        ('"p99_ms": 4.0', '"p99_ms": NaN', "p99_ms"),
        ('"architecture": "x86_64"', '"architecture": "arm64"', "architecture"),
    ],
)
def test_a_build_that_cannot_run_there_is_refused_by_field(
    tmp_path: Path,
    make_manifest: ManifestFactory,
    old: str,
    new: str,
    why: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = make_manifest().to_json()
    assert old in text
    (tmp_path / "manifest.json").write_text(text.replace(old, new))
    out = str(tmp_path / "modes")
    assert modes.main([NAME, "--from", str(tmp_path), "--out", out]) == 2
    assert why in capsys.readouterr().err


def test_what_is_no_assembly_is_not_overwritten(
    tmp_path: Path, make_manifest: ManifestFactory
) -> None:
    (tmp_path / "manifest.json").write_text(make_manifest().to_json())
    command = [NAME, "--from", str(tmp_path), "--out", str(tmp_path)]
    assert modes.main(command) == 2
    assert (tmp_path / "manifest.json").exists()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    out = tmp_path / "file" / "modes"
    with pytest.raises(CommandError, match=f"--out: {out}: Not a directory"):
        check_out(out)
