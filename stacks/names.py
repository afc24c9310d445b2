"""What stacks call each other by: literal names, for an export would lock two together."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Names:
    """The names of one stage. Parameters live in the SSM Parameter Store."""

    stage: str

    def stack(self, what: str) -> str:
        return f"{self.stage}-{what}"

    def repository(self, model: str) -> str:
        return f"lathe/{self.stage}/{model}"

    @property
    def cluster(self) -> str:
        return f"lathe-{self.stage}"

    @property
    def vpc_id(self) -> str:
        return f"/lathe/{self.stage}/network/vpc-id"

    @property
    def subnet_ids(self) -> str:
        return f"/lathe/{self.stage}/network/subnet-ids"

    @property
    def bucket(self) -> str:
        return f"/lathe/{self.stage}/registry/bucket"
