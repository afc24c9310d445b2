"""An update can place its tasks: checked before anything is deployed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from manifest import Serving
from stacks.settings.checked import ConfigError
from stacks.settings.compute import InstancesConfig, PoolConfig, TaskSize
from stacks.settings.endpoint import EndpointConfig
from stacks.settings.rollout import RolloutConfig
from stacks.settings.scaling import Scheduled
from stacks.settings.stage import StageConfig
from stacks.stage import Stage
from tests.conftest import ManifestFactory
from tests.stacks.conftest import DEMO, DEV, SHOWN, write_release

POOL = PoolConfig("gpu", ("g6.12xlarge", "g6.xlarge"), 0, 4)
CPU = PoolConfig("cpu", ("c7i.xlarge", "m7i.xlarge"), 0, 2)
ENDPOINT = DEMO.endpoints[1]  # two tasks of a GPU, 3 vCPU and 12 GiB; blue-green
SIZE = TaskSize(1.5, 2048, 100)


def stage(
    *endpoints: EndpointConfig, pools: tuple[PoolConfig, ...] = (POOL, CPU)
) -> StageConfig:
    return replace(DEV, pools=pools, endpoints=endpoints)


def scaled(endpoint: EndpointConfig, **changes: Any) -> EndpointConfig:
    return replace(endpoint, scaling=replace(endpoint.scaling, **changes))


def rolling(least: int, most: int) -> RolloutConfig:
    return RolloutConfig(min_healthy_percent=least, max_healthy_percent=most)


def test_a_pool_holds_the_tasks_of_both_revisions() -> None:
    stage(ENDPOINT)  # 4 tasks in a shift, on 4 instances of one GPU
    with pytest.raises(ConfigError) as refusal:
        stage(scaled(ENDPOINT, max_tasks=3))
    assert str(refusal.value) == (
        "stage dev: pool gpu: max_instances: 4 is not at least 6, which updates may"
        " need at once (endpoint gpu 6); rollout.kind and rollout.max_healthy_percent"
        " say how many more tasks run"
    )


def test_endpoints_of_a_pool_may_be_updated_at_the_same_time() -> None:
    other = replace(ENDPOINT, name="other")
    with pytest.raises(ConfigError, match=r"at least 8, .*endpoint gpu 4, other 4"):
        stage(ENDPOINT, other)
    stage(ENDPOINT, other, pools=(replace(POOL, max_instances=8),))


def test_a_scheduled_maximum_counts_too() -> None:
    more = scaled(ENDPOINT, schedule=(Scheduled("0 7 ? * * *", 1, 3),))
    with pytest.raises(ConfigError, match="max_instances: 4 is not at least 6"):
        stage(more)


def test_a_rolling_update_in_place_needs_no_more_than_its_tasks() -> None:
    in_place = replace(scaled(ENDPOINT, max_tasks=4), rollout=rolling(0, 100))
    stage(in_place)
    with pytest.raises(ConfigError, match="max_instances: 4 is not at least 6"):
        stage(replace(in_place, rollout=rolling(0, 150)))


@pytest.mark.parametrize(
    ("tasks", "least", "most", "stuck"),
    [
        (1, 50, 100, True),  # the half of one is one, and more than one is too many
        (1, 100, 150, True),  # the half more than one is none
        (2, 50, 100, False),
        (2, 100, 150, False),
        (1, 0, 100, False),
        (1, 100, 200, False),
    ],
)
def test_percentages_that_never_replace_a_task_are_refused(
    tasks: int, least: int, most: int, stuck: bool
) -> None:
    rollout = rolling(least, most)
    endpoint = replace(scaled(ENDPOINT, min_tasks=tasks), rollout=rollout)
    if not stuck:
        stage(endpoint)
        return
    with pytest.raises(ConfigError, match="not one is ever replaced"):
        stage(endpoint)


def test_a_task_fits_on_every_type_that_is_listed() -> None:
    size = TaskSize(3, 15_000, 200)  # 16 GiB are sold, and less is there for tasks
    with pytest.raises(ConfigError) as refusal:
        stage(replace(ENDPOINT, size=size))
    where = "stage dev: endpoint gpu: compute.pool: 'gpu' is not large enough"
    assert str(refusal.value).startswith(where)
    assert "does not fit on g6.xlarge (4 vCPU, 16 GiB, 1 GPUs)" in str(refusal.value)


def test_a_task_of_more_gpus_than_an_instance_has_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"\(.*2 GPUs\) does not fit on g6.xlarge"):
        stage(replace(ENDPOINT, compute=InstancesConfig("gpu", gpus=2)))


def test_a_gpu_instance_without_a_reserved_gpu_is_refused() -> None:
    with pytest.raises(ConfigError, match="compute.gpus: 0 is not 1 or more"):
        stage(replace(ENDPOINT, compute=InstancesConfig("gpu")))


def test_a_server_that_uses_no_gpu_is_given_none() -> None:
    with pytest.raises(ConfigError, match="compute.gpus: 1 is not between 0 and 0"):
        stage(replace(ENDPOINT, runtime="flask"))


def test_tasks_without_gpus_are_counted_by_cores_and_memory() -> None:
    on_cpu = replace(ENDPOINT, compute=InstancesConfig("cpu"), size=SIZE)
    stage(on_cpu)  # two an instance of 4 cores
    with pytest.raises(ConfigError, match="max_instances: 2 is not at least 4"):
        stage(replace(on_cpu, size=replace(SIZE, vcpu=2.5)))
    with pytest.raises(ConfigError, match="max_instances: 2 is not at least 4"):
        stage(replace(on_cpu, size=replace(SIZE, memory_mib=4_096)))


def test_what_a_release_was_measured_to_need_is_counted_when_it_is_there(
    tmp_path: Path, make_manifest: ManifestFactory
) -> None:
    measured = replace(
        ENDPOINT, compute=InstancesConfig("cpu"), size=None, runtime="flask"
    )
    config = stage(measured)  # nobody knows yet
    large = make_manifest(
        serving=Serving(2.5, 900, 2.0, 3.0, 4.0, 400.0, 15_400_000, "a test")
    )
    write_release(tmp_path, "dev", large)
    with pytest.raises(ConfigError, match="max_instances: 2 is not at least 4"):
        Stage(cdk.App(), config=config, delivery=SHOWN.delivery, releases=tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"instance_types": ()}, "instance_types: () is not 1 or more"),
        ({"instance_types": ("g6.xlarge",) * 2}, "is not all different"),
        (
            {"instance_types": ("c7i.large", "c7g.large")},
            "instance_types: 'c7g.large' is not x86_64 as c7i.large is",
        ),
        (
            {"instance_types": ("c7i.large", "g6.xlarge")},
            "is not all with GPUs, or all without",
        ),
        ({"on_demand_base": 5}, "on_demand_base: 5 is not between 0 and 4"),
        ({"disk_gib": 20}, "disk_gib: 20 is not between 30"),
        (
            {"managed": True, "min_instances": 1},
            "min_instances: 1 is not between 0 and 0",
        ),
        (
            {"managed": True, "spot_percent": 50},
            "spot_percent: 50 is not one of 0, 100",
        ),
    ],
)
def test_names_what_is_wrong_with_a_pool(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        stage(pools=(replace(POOL, **changes),))
    assert str(refusal.value).startswith("stage dev: pool gpu: ")
    assert message in str(refusal.value)
