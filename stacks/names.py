"""What stacks call each other by: literal names, for an export would lock two together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from manifest import Manifest
from stacks.settings.delivery import DeliveryConfig

# Of a release's images, beside the plain one: tags end in it.
ImageKind = Literal["", "gpu", "function"]


@dataclass(frozen=True)
class Names:
    """The names of one stage. Parameters live in the SSM Parameter Store."""

    stage: str

    def stack(self, what: str) -> str:
        return f"{self.stage}-{what}"

    @property
    def cluster(self) -> str:
        return f"lathe-{self.stage}"

    @property
    def budget(self) -> str:
        return f"lathe-{self.stage}"

    def pool(self, name: str) -> str:
        """The capacity provider of a pool; ECS reserves names that begin with its own."""
        return f"lathe-{self.stage}-{name}"

    def job(self, name: str) -> str:
        """A job's queue and its definition; python -m batch submit knows it too."""
        return f"lathe-{self.stage}-{name}"

    @property
    def vpc_id(self) -> str:
        return f"/lathe/{self.stage}/network/vpc-id"

    @property
    def task_subnet_ids(self) -> str:
        return f"/lathe/{self.stage}/network/task-subnet-ids"

    @property
    def balancer_subnet_ids(self) -> str:
        return f"/lathe/{self.stage}/network/balancer-subnet-ids"


def repository(model: str, runtime: str) -> str:
    """The repository of a model's images for a runtime, shared by all stages."""
    return f"lathe/{model}/{runtime}"


def image_tag(release: Manifest, kind: ImageKind = "") -> str:
    """The image of a release; one that computes on GPUs, or for Lambda, is another."""
    return f"{release.image_tag}-{kind}" if kind else release.image_tag


def artifact_bucket(delivery: DeliveryConfig) -> str:
    """The bucket that builds publish to; its name says whose it is."""
    return _bucket("artifacts", delivery)


def handover_bucket(what: str, delivery: DeliveryConfig) -> str:
    """The bucket that the steps of pipelines hand on work in: builds or deploys."""
    return _bucket(what, delivery)


def pipeline(what: str) -> str:
    """The pipeline that builds a model, or `deploy`."""
    return f"lathe-{what}"


def function(stage: str, endpoint: str) -> str:
    """The function of a serverless endpoint; its model's repository lets it in by name."""
    return Names(stage).stack(f"endpoint-{endpoint}")


def check_function(stage: str, endpoint: str) -> str:
    """The function that asks an endpoint for the held-out sample."""
    return f"{Names(stage).stack(f'endpoint-{endpoint}')}-check"


def _bucket(what: str, delivery: DeliveryConfig) -> str:
    import aws_cdk as cdk  # two seconds, which a command that asks for a name need not wait

    account = delivery.account or cdk.Aws.ACCOUNT_ID
    return f"lathe-{what}-{account}-{delivery.region}"
