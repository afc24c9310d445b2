"""A whole build of a toy model: real data files, real passes, real servers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from containers.flask.predictor import load_predictor
from manifest import Manifest, read_manifest
from model_build.__main__ import main
from tests.model_build.conftest import SpecFactory

pytestmark = pytest.mark.tf

ROOT = Path(__file__).parents[2]


def command(spec: Path, out: Path) -> list[str]:
    return [sys.executable, "-m", "model_build", str(spec), "--out", str(out), "--json"]


def run(spec: Path, out: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(spec, out),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def built(spec: Path, out: Path) -> tuple[int, Any]:
    """The exit code and the report, without another start of TensorFlow."""
    code = main([str(spec), "--out", str(out)])
    return code, json.loads((out / "report.json").read_text())


def answers_of(out: Path, manifest: Manifest, texts: list[str]) -> list[Any]:
    """What the server's model answers in process, from the artifact."""
    return load_predictor(manifest, out).predict(texts)


@pytest.fixture
def short(write_spec: SpecFactory) -> Path:
    """Only a teacher: for what does not need every pass."""
    nothing = dict.fromkeys(
        ("distill", "prune_structure", "prune_weights", "quantize"), ""
    )
    return write_spec(release='release = "teacher"', **nothing)


def test_a_build_makes_measures_and_releases_every_variant(
    write_spec: SpecFactory, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = run(write_spec(), out)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report == json.loads((out / "report.json").read_text())
    names = [v["name"] for v in report["variants"]]
    assert names == ["teacher", "student", "pruned", "sparse", "int8"]
    for variant in report["variants"]:
        assert variant["serving"]["p50_ms"] > 0
        assert variant["serving"]["memory_mib"] > 10
        assert variant["dollars_per_million"] > 0
        assert variant["faster"] == (variant["serving"]["p50_speedup"]["low"] > 1)
    assert {v["name"]: v["precision"] for v in report["variants"]}[
        "int8"
    ] == "dynamic-int8, int8 embeddings"

    for forecast in report["planned"]:
        planned, found = forecast["bytes"]
        assert planned == pytest.approx(found, rel=0.3), "a file of mere graphs"
        assert forecast["minutes"][1] > 0
    assert [each["variant"] for each in report["planned"]] == names
    counts = [each["parameters"] for each in report["planned"]]
    assert all(planned == found for planned, found in counts)

    manifest = read_manifest(out / "manifest.json")
    manifest.measured()
    assert manifest.runtimes == ("flask", "tf_serving")
    assert report["version"] == manifest.version
    assert [step.name for step in manifest.steps] == [
        "finetune",
        "distill",
        "prune_structure",
        "quantize",
    ]
    assert all((out / name).is_file() for name in manifest.files)
    assert (out / "saved_model" / "saved_model.pb").is_file()
    assert {name for name in manifest.files if name.startswith("tf_serving/")} == {
        "tf_serving/batching.config",
        "tf_serving/models.config",
        "tf_serving/monitoring.config",
    }
    assert "saved_model/assets.extra/tf_serving_warmup_requests" in manifest.files
    sample = json.loads((out / "sample.json").read_text())
    answers = answers_of(out, manifest, sample["instances"])
    for found, told in zip(answers, sample["answers"]["flask"], strict=True):
        assert found["label"] == told["label"]
        assert found["score"] == pytest.approx(told["score"], abs=1e-3)
    assert len(sample["answers"]["tf_serving"]) == len(sample["instances"]) == 32
    card = (out / "README.md").read_text()
    assert "model-index:" in card
    assert f"# toy {manifest.version}" in card
    page = (out / "report.html").read_text()
    assert len(page.encode()) < 1_000_000
    assert "http" not in page.replace("http-equiv", "")

    again = run(tmp_path / "toy.toml", out)
    assert again.returncode == 0
    assert (
        again.stderr.count("nothing to do") == 17
    )  # 5 passes, exports, answers; 1 measure, 1 artifact
    assert json.loads(again.stdout) == report


def test_a_build_measures_both_engines_and_ships_one(
    short: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    both = 'lengths = [8, 16]\nengines = ["litert", "openvino"]'
    short.write_text(short.read_text().replace("lengths = [8, 16]", both))
    code, report = built(short, out)
    assert code == 0
    assert list(report["engines"]) == ["litert", "openvino"]
    for engine in report["engines"].values():
        assert engine["serving"]["requests_per_second"] > 0
        assert engine["agreement"] > 0.9
    manifest = read_manifest(out / "manifest.json")
    chosen = report["engines"][manifest.engine]
    assert report["engine"] == manifest.engine
    assert report["variants"][-1]["serving"] == chosen["serving"]
    folders = {path.partition("/")[0] for path in manifest.files}
    assert folders >= {manifest.engine, "saved_model"}
    assert not folders >= {"litert", "openvino"}, "an image has one engine"
    assert "Engines of teacher" in (out / "report.html").read_text()


def test_a_model_under_its_gate_is_reported_and_not_released(
    short: Path, tmp_path: Path
) -> None:
    gate = 'measure = "accuracy"\nat_least = 0.0'
    unreachable = 'measure = "memory_mib"\nat_most = 1'
    short.write_text(short.read_text().replace(gate, unreachable))
    code, report = built(short, tmp_path / "out")
    assert code == 1
    assert not report["passed"]
    assert not (tmp_path / "out" / "manifest.json").exists()
    assert not (tmp_path / "out" / "README.md").exists()


def test_a_gate_that_asks_for_seeds_has_the_released_chain_trained_again(
    write_spec: SpecFactory, tmp_path: Path
) -> None:
    """Red if the seed does not reach the passes, or the teacher is trained again."""
    nothing = dict.fromkeys(("prune_structure", "prune_weights", "quantize"), "")
    gate = '[[gates]]\nmeasure = "accuracy"\nat_least = 0.0\nseeds = 3'
    spec = write_spec(release='release = "student"', gates=gate, **nothing)
    out = tmp_path / "out"
    code, report = built(spec, out)
    assert code == 0
    assert report["repeated"]["seeds"] == [3, 4, 5]
    assert len(report["repeated"]["each"]) == 3
    assert [g["measure"] for g in report["gates"]] == [
        "accuracy",
        "accuracy, mean over seeds",
    ]
    assert len([*out.glob("steps/pass-teacher-*")]) == 1
    assert len([*out.glob("steps/pass-student-*")]) == 3
    weights = {
        p.read_bytes() for p in out.glob("steps/pass-student-*/model.safetensors")
    }
    assert len(weights) == 3
    assert not [*out.glob("steps/export-student-*/saved_model")][1:]


def test_a_build_that_was_killed_goes_on(short: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    killed = subprocess.Popen(command(short, out), cwd=ROOT, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not [*out.glob("steps/.pass-teacher-*")] and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    assert not [*out.glob("steps/pass-teacher-*")]
    assert built(short, out)[0] == 0
    assert not [*out.glob("steps/.*")]


def test_two_builds_do_not_write_one_directory(
    short: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import fcntl

    out = tmp_path / "out"
    out.mkdir()
    with (out / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert main([str(short), "--out", str(out)]) == 2
    assert "another build is writing here" in capsys.readouterr().err
