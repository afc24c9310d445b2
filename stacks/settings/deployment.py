"""Everything that one `cdk deploy --all` deploys."""

from __future__ import annotations

from dataclasses import dataclass

from manifest import Runtime
from stacks.settings.checked import Checked
from stacks.settings.delivery import DeliveryConfig
from stacks.settings.stage import StageConfig


@dataclass(frozen=True)
class Deployment:
    """What is shared, and the stages that run what it delivers."""

    delivery: DeliveryConfig
    stages: tuple[StageConfig, ...]

    def __post_init__(self) -> None:
        checked = Checked("deployment")
        checked.several("stages", self.stages, least=1)
        names = [stage.name for stage in self.stages]
        if len({"delivery", *names}) <= len(names):
            checked.refuse("stages", names, "all different, none called delivery")
        for stage in self.stages:  # its network's way to S3 ends at the region's border
            where = Checked(f"stage {stage.name}")
            where.one_of("region", stage.region, [self.delivery.region])
        for promotion in self.delivery.promotions:
            checked.one_of("delivery.promotions", promotion.stage, names)

    @property
    def images(self) -> tuple[tuple[str, Runtime], ...]:
        """Return the model and runtime of every image that some endpoint or job runs."""
        run: set[tuple[str, Runtime]] = set()
        for stage in self.stages:
            run |= {(each.model, each.runtime) for each in stage.endpoints}
            run |= {(each.model, "flask") for each in stage.jobs}
        return tuple(sorted(run))

    @property
    def models(self) -> tuple[str, ...]:
        """Return every model that some endpoint or job runs, once."""
        return tuple(sorted({model for model, _ in self.images}))
