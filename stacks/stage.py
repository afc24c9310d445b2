"""The table of contents of a stage: every stack of it, in deploy order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from constructs import Construct

from manifest import Manifest
from stacks.budget import BudgetStack
from stacks.cluster import ClusterStack
from stacks.endpoint import EndpointStack
from stacks.job import JobStack
from stacks.names import Names
from stacks.network import NetworkStack
from stacks.queued import QueuedStack
from stacks.release import read_job_release, read_release, unused
from stacks.serverless import ServerlessStack
from stacks.settings.delivery import DeliveryConfig
from stacks.settings.endpoint import Endpoint, Mode
from stacks.settings.job import JobConfig
from stacks.settings.serverless import ServerlessConfig
from stacks.settings.stage import StageConfig
from stacks.size import task_size
from stacks.tags import tag

# What an endpoint of a mode is; a mode that answers otherwise is another stack.
MODES: Mapping[Mode, type[EndpointStack | QueuedStack | ServerlessStack]] = {
    "real-time": EndpointStack,
    "asynchronous": QueuedStack,
    "serverless": ServerlessStack,
}


class Stage(Construct):
    """A network, a cluster of Fargate and pools, a budget, its endpoints and jobs.

    What an endpoint holds (balancer, tasks, rollout, scaling, alarms, page) is listed in
    endpoint.py; what stages share, from a push to a release, in delivery.py. It exists
    only where its release exists: nothing ever waits for an image that nobody has
    pushed, and `notices` tells a person which endpoints are not there. The stage is a
    plain construct, for `cdk deploy --all` does not look into a cdk.Stage.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        config: StageConfig,
        delivery: DeliveryConfig,
        releases: Path,
    ) -> None:
        super().__init__(scope, config.name)
        self._delivery = delivery
        self._config, self._names = config, Names(config.name)
        self.notices: list[str] = []
        network = NetworkStack(
            self, "network", config=config, **self._common("network")
        )
        cluster = ClusterStack(
            self, "cluster", config=config, **self._common("cluster")
        )
        if config.pools:
            cluster.add_stack_dependency(network)
        billed = self._common("budget", config.billing_region)
        BudgetStack(self, "budget", config=config, **billed)
        for endpoint, release in self._released(releases / config.name):
            stack = self._endpoint(endpoint, release)
            for earlier in (network, cluster):
                stack.add_stack_dependency(earlier)
        for job, release in self._released_jobs(releases / config.name):
            self._job(job, release).add_stack_dependency(network)
        owner, center = config.owner, config.cost_center
        tag(self, stage=config.name, owner=owner, cost_center=center)

    def _released(self, folder: Path) -> list[tuple[Endpoint, Manifest]]:
        """Return the endpoints that have a release, and note those that have none."""
        config, found = self._config, []
        for endpoint in config.endpoints:
            path = folder / f"{endpoint.model}.json"
            release = read_release(path, endpoint, config.built_for(endpoint))
            if release is None:
                self._note(f"endpoint {endpoint.name} is waiting for its first build")
            else:
                found.append((endpoint, release))
        run = [each.model for each in (*config.endpoints, *config.jobs)]
        for model in unused(folder, run):
            self._note(f"release {model} is run by no endpoint and no job")
        config.check_room(
            {
                each.name: task_size(each, made)
                for each, made in found
                if not isinstance(each, ServerlessConfig)
            }
        )
        return found

    def _released_jobs(self, folder: Path) -> list[tuple[JobConfig, Manifest]]:
        """Return the jobs that have a release, and note those that have none."""
        found = []
        for job in self._config.jobs:
            release = read_job_release(folder / f"{job.model}.json", job)
            if release is None:
                self._note(f"job {job.name} is waiting for its first build")
            else:
                found.append((job, release))
        return found

    def _note(self, what: str) -> None:
        self.notices.append(f"{self._config.name}: {what}")

    def _endpoint(self, endpoint: Endpoint, release: Manifest) -> cdk.Stack:
        name = f"endpoint-{endpoint.name}"
        common: dict[str, Any] = {"config": endpoint, **self._common(name)}
        return MODES[endpoint.mode](
            self,
            name,
            delivery=self._delivery,
            stage=self._config,
            release=release,
            **common,
        )

    def _job(self, job: JobConfig, release: Manifest) -> JobStack:
        name = f"job-{job.name}"
        return JobStack(
            self,
            name,
            delivery=self._delivery,
            stage=self._config,
            config=job,
            release=release,
            **self._common(name),
        )

    def _common(self, what: str, region: str | None = None) -> dict[str, Any]:
        config = self._config
        region = region or config.region
        return {
            "names": self._names,
            "stack_name": self._names.stack(what),
            "env": cdk.Environment(account=config.account, region=region),
        }
