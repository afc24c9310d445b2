from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from costs.modes.comparison import Comparison, compare
from costs.reading import read_assembly
from costs.usage import Usage
from tests.costs.samples import (
    Resources,
    endpoint,
    network,
    resource,
    write_assembly,
)

Copies = dict[str, dict[str, Resources]]
Compared = Callable[..., Comparison]


def queue() -> Resources:
    """An asynchronous endpoint, small: what takes, keeps and works off submissions."""
    made: Mapping[str, Any] = endpoint(most=1_000)
    kept = ("Task", "Log", "Service", "Scaling")
    resources = {name: made["Resources"][name] for name in kept}
    resources["Scaling"] = {
        **resources["Scaling"],
        "Properties": {**resources["Scaling"]["Properties"], "MinCapacity": 0},
    }
    door = resource(
        "Lambda::Function",
        MemorySize=512,
        Architectures=["arm64"],
        Environment={"Variables": {"QUEUE_URL": "https://sqs"}},
    )
    queues = {f"Queue{n}": resource("SQS::Queue") for n in range(3)}
    bucket = {"Door": door, "Bucket": resource("S3::Bucket"), **queues}
    return {**made, "Resources": {**resources, **bucket}}


def function() -> Resources:
    """A serverless endpoint: a whole core, billed for each request."""
    made: Mapping[str, Any] = endpoint()
    serves = resource(
        "Lambda::Function",
        MemorySize=1769,
        Environment={"Variables": {"AWS_LWA_PORT": "8080"}},
    )
    alarm = resource("CloudWatch::Alarm", MetricName="Errors")
    return {**made, "Resources": {"Function": serves, "Errors": alarm}}


def job() -> Resources:
    """A job on Spot, of the size that the release was measured to need."""
    needs = {"VCPU": "0.5", "MEMORY": "1024"}
    container = {
        "ResourceRequirements": [{"Type": k, "Value": v} for k, v in needs.items()]
    }
    return {
        "Environment": resource(
            "Batch::ComputeEnvironment", ComputeResources={"Type": "FARGATE_SPOT"}
        ),
        "Definition": resource(
            "Batch::JobDefinition",
            PlatformCapabilities=["FARGATE"],
            ContainerProperties=container,
        ),
    }


def copies() -> Copies:
    """A stage in every mode, as `python -m stacks modes` lays it out."""
    return {
        "nothing/dev": {"dev-network": network()},
        "real-time/dev": {
            "dev-network": network(),
            "dev-endpoint": endpoint(most=1_000),
        },
        "serverless/dev": {"dev-network": network(), "dev-function": function()},
        "asynchronous/dev": {"dev-network": network(), "dev-queue": queue()},
        "batch/dev": {"dev-network": network(), "dev-job": job()},
    }


@pytest.fixture(scope="session")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    """The comparison of copies written by hand."""

    def run(written: Copies | None = None, usage: Usage | None = None) -> Comparison:
        path = write_assembly(tmp_path_factory.mktemp("modes"), written or copies())
        return compare(read_assembly(path), usage or Usage())

    return run


@pytest.fixture(scope="session")
def found(compared: Compared) -> Comparison:
    return compared()


@pytest.fixture
def assembly(tmp_path: Path) -> Path:
    return write_assembly(tmp_path / "modes", copies())
