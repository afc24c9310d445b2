"""The account a rehearsal deploys to: it exists on this machine only."""

from __future__ import annotations

import ipaddress
import os
import socket
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config

ACCOUNT = "123456789012"  # where stacks go that name none
REGION = "us-east-1"
_SECRET = "test"  # the emulator takes any
# botocore's (name in a profile, environment variable, default, conversion): none is read.
_NO_PROFILE = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
# All that a child may know of the shell it was started from: no proxy, no profile,
# no token can then lead it to a real account.
_INHERITED = ("PATH", "LANG", "LC_ALL", "TMPDIR")


class RehearsalError(RuntimeError):
    """Something on this machine stopped the rehearsal; the stacks are not judged."""


@dataclass(frozen=True)
class Account:
    """One account and region at an endpoint on loopback: any other is refused.

    Raises RehearsalError for an endpoint that leaves this machine.
    """

    endpoint: str  # http://127.0.0.1:PORT
    id: str = ACCOUNT
    region: str = REGION

    def __post_init__(self) -> None:
        parts = urlsplit(self.endpoint)
        if parts.scheme != "http" or not parts.port or not _is_loopback(parts.hostname):
            raise RehearsalError(
                f"endpoint: {self.endpoint!r} is not http://127.0.0.1:PORT; "
                "a rehearsal never talks to another machine"
            )

    def at(self, environment: str) -> Account:
        """Return what a stack means by aws://ACCOUNT/REGION, here.

        unknown-account and unknown-region are those that the CLI was given.
        """
        account, region = environment.removeprefix("aws://").split("/")
        return replace(
            self,
            id=self.id if account.startswith("unknown-") else account,
            region=self.region if region.startswith("unknown-") else region,
        )

    def client(self, service: str) -> Any:
        """Return a boto3 client that can reach this account only."""
        return _client(self, service)

    def environment(self, home: Path) -> dict[str, str]:
        """Return the whole environment of a CDK CLI that can deploy here only.

        `home` is where it may write; it holds no credentials to find.
        """
        inherited = {
            name: os.environ[name] for name in _INHERITED if name in os.environ
        }
        jsii_cache = Path.home() / ".cache/aws/jsii/package-cache"
        return {
            **inherited,
            "AWS_ACCESS_KEY_ID": self.id,  # the emulator reads the account from it
            "AWS_SECRET_ACCESS_KEY": _SECRET,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "HOME": str(home),
            "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(jsii_cache),
            "NO_PROXY": "*",
            "CI": "1",
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CDK_DISABLE_VERSION_CHECK": "true",
        }


def _is_loopback(host: str | None) -> bool:
    """Ask the resolver, because a hosts file may point `localhost` elsewhere."""
    try:
        found = socket.getaddrinfo(host, None) if host else []
    except OSError:
        return False
    addresses = {str(address[4][0]) for address in found}
    return bool(addresses) and all(
        ipaddress.ip_address(address).is_loopback for address in addresses
    )


@cache
def _client(account: Account, service: str) -> Any:
    session = boto3.Session(
        botocore_session=botocore.session.Session(session_vars=_NO_PROFILE)
    )
    return session.client(
        service,
        region_name=account.region,
        endpoint_url=account.endpoint,
        aws_access_key_id=account.id,
        aws_secret_access_key=_SECRET,
        config=Config(proxies={}, retries={"total_max_attempts": 2}, read_timeout=20),
    )
