"""Who may call an endpoint, and how they show it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stacks.settings.checked import Checked

_CERTIFICATE = re.compile(r"arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/.+")
_POOL = re.compile(r"arn:aws[a-z-]*:cognito-idp:[a-z0-9-]+:\d{12}:userpool/\S+")
_SECRET = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")
_HTTPS = re.compile(r"https://\S+")


@dataclass(frozen=True)
class ApiKey:
    """Callers send it as `x-api-key`. The secret holds the key itself, as its string.

    At most 128 characters, compared without regard to case; `*` and `?` match anything.
    """

    secret_name: str  # in Secrets Manager; its value never enters a template

    def check(self, checked: Checked) -> None:
        checked.matches(
            "door.access.secret_name", self.secret_name, _SECRET, "a secret's name"
        )


@dataclass(frozen=True)
class Cognito:
    """People sign in to a user pool that is there."""

    user_pool_arn: str
    client_id: str
    domain_prefix: str

    def check(self, checked: Checked) -> None:
        where = "door.access.user_pool_arn"
        checked.matches(where, self.user_pool_arn, _POOL, "a user pool's ARN")


@dataclass(frozen=True)
class Oidc:
    """People sign in to an identity provider that speaks OpenID Connect."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    user_info_endpoint: str
    client_id: str
    client_secret_name: str  # in Secrets Manager

    def check(self, checked: Checked) -> None:
        for field in (
            "issuer",
            "authorization_endpoint",
            "token_endpoint",
            "user_info_endpoint",
        ):
            value = getattr(self, field)
            checked.matches(f"door.access.{field}", value, _HTTPS, "an https address")
        secret = self.client_secret_name
        checked.matches(
            "door.access.client_secret_name", secret, _SECRET, "a secret's name"
        )


Access = ApiKey | Cognito | Oidc


@dataclass(frozen=True)
class DoorConfig:
    """The load balancer as callers see it."""

    internal: bool  # True: reachable from within the VPC only
    callers: tuple[str, ...]  # CIDR blocks let through to the load balancer
    certificate_arn: str | None = None  # None: plain HTTP, for internal ones only
    access: Access | None = None  # None: whoever is let through may call
    waf: bool = False  # AWS's common rules, and requests_per_5_minutes a caller
    requests_per_5_minutes: int = 10_000
    access_logs: bool = False  # callers' addresses and paths, in a bucket of the stage
    protected: bool = False  # True: deleting the load balancer is refused

    def check(self, checked: Checked) -> None:
        """Raise ConfigError for a door that would be open, or never open."""
        for field in ("internal", "waf", "access_logs", "protected"):
            checked.flag(f"door.{field}", getattr(self, field))
        checked.several("door.callers", self.callers, least=1)
        for block in self.callers:
            checked.block("door.callers", block)
        if self.certificate_arn or not self.internal:
            checked.matches(
                "door.certificate_arn",
                self.certificate_arn,
                _CERTIFICATE,
                "the ARN of a certificate, which an endpoint on the internet needs",
            )
        if self.access is not None:
            self.access.check(checked)
            if not isinstance(self.access, ApiKey) and not self.certificate_arn:
                checked.refuse(
                    "door.access",
                    type(self.access).__name__,
                    "possible without a certificate_arn: browsers sign in over HTTPS",
                )
        low, high = 10, 2_000_000_000
        field = "door.requests_per_5_minutes"
        checked.within(field, self.requests_per_5_minutes, low, high)
