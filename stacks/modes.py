"""One model in every mode, each in a copy of its stage: to be billed, never deployed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from constructs import Construct

from stacks.settings.compute import FargateConfig
from stacks.settings.delivery import DeliveryConfig
from stacks.settings.door import DoorConfig
from stacks.settings.endpoint import Endpoint, EndpointConfig, TaskEndpoint
from stacks.settings.job import JobConfig
from stacks.settings.queued import AsynchronousConfig, QueueWatchConfig
from stacks.settings.scaling import ScalingConfig
from stacks.settings.serverless import (
    MOST_AT_ONCE,
    FunctionWatchConfig,
    ServerlessConfig,
)
from stacks.settings.stage import StageConfig
from stacks.settings.watch import WatchConfig
from stacks.stage import Stage

NOTHING = "nothing"  # the stage without the model: what is there in any mode
MOST = 1_000  # tasks: at other traffic than its own a stage would allow others


def add_modes(
    scope: Construct,
    *,
    model: str,
    stage: StageConfig,
    delivery: DeliveryConfig,
    releases: Path,
) -> None:
    """Add the stage once for each mode, with the model in that mode and nothing else.

    As the stage has it, where it has the model in that mode on Fargate. Raises
    ConfigError or ManifestError for what could not be deployed.
    """
    for mode, config in modes(stage, model).items():
        Stage(
            Construct(scope, mode), config=config, delivery=delivery, releases=releases
        )


def modes(stage: StageConfig, model: str) -> Mapping[str, StageConfig]:
    """Return the stage by mode, with nothing but the model in that mode."""
    bare = replace(stage, endpoints=(), jobs=(), pools=())
    endpoints: tuple[Endpoint, ...] = (
        _real_time(stage, model),
        _serverless(stage, model),
        _asynchronous(stage, model),
    )
    return {
        NOTHING: bare,
        **{each.mode: replace(bare, endpoints=(each,)) for each in endpoints},
        "batch": replace(bare, jobs=(_job(stage, model),)),
    }


def _real_time(stage: StageConfig, model: str) -> EndpointConfig:
    own = next((e for e in stage.balanced if _is_on_fargate(e, model)), None)
    own = own or EndpointConfig(
        name=model,
        model=model,
        compute=_compute(stage, model),
        scaling=ScalingConfig(min_tasks=1, max_tasks=MOST, load_percent=60),
        door=DoorConfig(internal=True, callers=("10.0.0.0/8",)),
        watch=WatchConfig(
            latency_slo_ms=200,
            failing_percent=1.0,
            dashboard=_has_dashboard(stage, model),
        ),
    )
    return replace(own, scaling=replace(own.scaling, max_tasks=MOST))


def _serverless(stage: StageConfig, model: str) -> ServerlessConfig:
    own = next((e for e in stage.serverless if e.model == model), None)
    own = own or ServerlessConfig(
        name=model,
        model=model,
        concurrency=MOST_AT_ONCE,
        watch=FunctionWatchConfig(dashboard=_has_dashboard(stage, model)),
    )
    return replace(own, concurrency=MOST_AT_ONCE)


def _asynchronous(stage: StageConfig, model: str) -> AsynchronousConfig:
    own = next((e for e in stage.queued if _is_on_fargate(e, model)), None)
    own = own or AsynchronousConfig(
        name=model,
        model=model,
        compute=_compute(stage, model),
        max_workers=MOST,
        backlog_per_worker=1_000,
        watch=QueueWatchConfig(dashboard=_has_dashboard(stage, model)),
    )
    return replace(own, max_workers=MOST)


def _job(stage: StageConfig, model: str) -> JobConfig:
    own = next((job for job in stage.jobs if job.model == model), None)
    if own:
        return own
    compute = _compute(stage, model)
    return JobConfig(
        name=model,
        model=model,
        reads=("s3://example-texts/in/",),
        writes=("s3://example-texts/out/",),
        spot=compute.spot_percent == 100,
    )


def _compute(stage: StageConfig, model: str) -> FargateConfig:
    """Return what the stage runs the model on, else Fargate as it is by default."""
    found = (each.compute for each in stage.tasked if each.model == model)
    return next((c for c in found if isinstance(c, FargateConfig)), FargateConfig())


def _has_dashboard(stage: StageConfig, model: str) -> bool:
    """Tell whether a mode gets a page: as the stage's own endpoints of the model do."""
    return any(each.watch.dashboard for each in stage.endpoints if each.model == model)


def _is_on_fargate(endpoint: TaskEndpoint, model: str) -> bool:
    return endpoint.model == model and isinstance(endpoint.compute, FargateConfig)
