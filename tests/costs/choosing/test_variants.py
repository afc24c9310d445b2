from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from costs.choosing.variants import READY_SECONDS, read_variants
from manifest import ManifestError
from tests.conftest import ManifestFactory
from tests.costs.choosing.conftest import SERVING


def changed(path: Path, change: Callable[[Any], None]) -> Path:
    record = json.loads(path.read_text(encoding="utf-8"))
    change(record)
    path.write_text(json.dumps(record), encoding="utf-8")
    return path


def test_the_released_one_comes_first_and_once(reported: Path) -> None:
    _, variants = read_variants(reported.parent)
    assert [each.name for each in variants] == ["int8", "teacher", "tiny"]
    assert [each.released for each in variants] == [True, False, False]


def test_a_server_is_ready_when_the_report_says_so(
    reported: Path, written: Path
) -> None:
    _, (released, teacher, _) = read_variants(written)
    assert (released.ready_seconds, teacher.ready_seconds) == (1.7, 1.7)
    reported.unlink()
    _, (alone,) = read_variants(written)
    assert alone.ready_seconds == READY_SECONDS


def test_all_run_where_the_release_does(
    reported: Path, make_manifest: ManifestFactory
) -> None:
    on_arm = make_manifest(serving=SERVING, architecture="arm64", runtime="tf_serving")
    reported.with_name("manifest.json").write_text(on_arm.to_json(), encoding="utf-8")
    _, variants = read_variants(reported.parent)
    assert {each.architecture for each in variants} == {"arm64"}
    assert {each.runtime for each in variants} == {"tf_serving"}


def test_a_variant_is_what_its_report_measured(reported: Path) -> None:
    changed(reported, lambda report: report["conditions"].update(server_cores=2))
    _, (_, teacher, _) = read_variants(reported.parent)
    serving = teacher.serving
    assert (serving.vcpu, serving.memory_mib) == (2, 513)
    assert serving.p99_ms == pytest.approx(1.8 * serving.p50_ms)
    assert teacher.service.mean_ms == pytest.approx(2000 / 72)


def test_a_variant_that_was_never_served_is_left_out(reported: Path) -> None:
    changed(reported, lambda report: report["variants"][2].update(serving=None))
    _, variants = read_variants(reported.parent)
    assert [each.name for each in variants] == ["int8", "teacher"]


def test_a_quality_that_is_no_share_is_refused(reported: Path) -> None:
    def odd(report: Any) -> None:
        figures = report["variants"][0]["quality"]["figures"]
        figures["macro_f1"]["own"]["value"] = 93

    changed(reported, odd)
    message = "report.json: teacher.macro_f1: 93 is not from 0 to 1"
    with pytest.raises(ManifestError, match=message):
        read_variants(reported.parent)
