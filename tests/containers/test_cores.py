from __future__ import annotations

import os
from pathlib import Path

import pytest

from containers.flask.cores import usable_cores


@pytest.fixture(autouse=True)
def sixteen_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(16)))
    monkeypatch.delenv("SERVER_VCPU", raising=False)


def cores_in(tmp_path: Path, membership: str, files: dict[str, str]) -> int:
    (tmp_path / "membership").write_text(membership)
    for name, content in files.items():
        (tmp_path / "cgroup" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "cgroup" / name).write_text(content)
    return usable_cores(tmp_path / "cgroup", tmp_path / "membership")


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        pytest.param("max 100000", 16, id="no quota"),
        pytest.param("200000 100000", 2, id="two"),
        pytest.param("150000 100000", 2, id="one and a half need two threads"),
        pytest.param("25000 100000", 1, id="a quarter is still one thread"),
        pytest.param("", 16, id="unreadable"),
    ],
)
def test_reads_a_version_2_quota(tmp_path: Path, quota: str, cores: int) -> None:
    files = {"service/cpu.max": quota}
    assert cores_in(tmp_path, "0::/service\n", files) == cores


def test_reads_a_version_1_quota(tmp_path: Path) -> None:
    membership = "4:memory:/job\n3:cpu,cpuacct:/job\n0::/\n"
    files = {
        "cpu,cpuacct/job/cpu.cfs_quota_us": "300000\n",
        "cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
    }
    assert cores_in(tmp_path, membership, files) == 3


def test_a_version_1_group_without_quota_does_not_bind(tmp_path: Path) -> None:
    files = {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}
    assert cores_in(tmp_path, "1:cpu:/\n", files) == 16


def test_a_quota_on_a_parent_group_binds(tmp_path: Path) -> None:
    files = {"task/cpu.max": "400000 100000", "task/container/cpu.max": "max 100000"}
    assert cores_in(tmp_path, "0::/task/container\n", files) == 4


def test_finds_the_quota_inside_a_container(tmp_path: Path) -> None:
    """There the group's own path is not mounted; its root is the group."""
    files = {"cpu.max": "200000 100000"}
    assert cores_in(tmp_path, "0::/docker/3f1c9a07be24\n", files) == 2


def test_the_task_definition_may_say_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVER_VCPU", "0.5")
    assert cores_in(tmp_path, "0::/\n", {"cpu.max": "max 100000"}) == 1
    monkeypatch.setenv("SERVER_VCPU", "64")
    assert cores_in(tmp_path, "0::/\n", {}) == 16


def test_a_machine_without_cgroups_has_the_cores_it_may_run_on(tmp_path: Path) -> None:
    assert usable_cores(tmp_path, tmp_path / "missing") == 16
