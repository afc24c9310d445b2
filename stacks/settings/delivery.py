"""What turns a push into a release: shared by all stages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from stacks.settings.checked import ACCOUNT, REGION, TAG, Checked
from stacks.settings.stage import LOG_DAYS

Provider = Literal["github", "gitlab", "bitbucket"]

_CONNECTION = re.compile(
    r"arn:aws[a-z-]*:(codeconnections|codestar-connections):[a-z0-9-]+:\d{12}:connection/\S+"
)
_REPOSITORY = re.compile(r"[\w.-]+(/[\w.-]+)+")
_SECRET = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")


@dataclass(frozen=True)
class Connection:
    """A repository at a provider, by a CodeConnections connection that a person made."""

    arn: str
    repository: str  # OWNER/NAME
    provider: Provider
    branch: str = "main"

    def check(self, checked: Checked) -> None:
        checked.matches("source.arn", self.arn, _CONNECTION, "a connection's ARN")
        checked.matches("source.repository", self.repository, _REPOSITORY, "OWNER/NAME")
        checked.one_of("source.provider", self.provider, get_args(Provider))


@dataclass(frozen=True)
class Archive:
    """For teams without a connection: a clone, zipped, put into the artifact bucket."""

    key: str = "source/lathe.zip"

    def check(self, checked: Checked) -> None:
        if not self.key.endswith(".zip"):
            checked.refuse("source.key", self.key, "a key that ends in .zip")


Source = Connection | Archive


@dataclass(frozen=True)
class Promotion:
    """A stage in the order of deployment."""

    stage: str
    approval: bool  # True: a person reads the diff and the bill first


@dataclass(frozen=True)
class DeliveryConfig:
    """Raises ConfigError where it could not be deployed."""

    owner: str
    cost_center: str
    region: str
    source: Source
    promotions: tuple[Promotion, ...]
    kept_images: int  # of each model and runtime; the oldest go first
    log_days: int
    build_timeout_minutes: int
    customer_key: bool = False  # True: a KMS key of our own for images and artifacts
    signing_profile_arn: str | None = None  # of AWS Signer; None: images are not signed
    comment_token_secret: str | None = None  # Secrets Manager; None: no comments
    account: str | None = None  # None: the account whose credentials deploy

    def __post_init__(self) -> None:
        checked = Checked("delivery")
        checked.matches("region", self.region, REGION, "a region's name")
        checked.optional("account", self.account, ACCOUNT, "12 digits")
        for tag in ("owner", "cost_center"):
            checked.matches(tag, getattr(self, tag), TAG, "a tag's value")
        checked.distinct("promotions", [each.stage for each in self.promotions])
        self.source.check(checked)
        checked.whole("kept_images", self.kept_images, 10, 1_000)
        checked.one_of("log_days", self.log_days, LOG_DAYS)
        minutes = self.build_timeout_minutes
        checked.whole("build_timeout_minutes", minutes, 5, 2_160)
        secret = self.comment_token_secret
        checked.optional("comment_token_secret", secret, _SECRET, "a secret's name")
