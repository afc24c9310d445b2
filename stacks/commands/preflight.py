"""Does the account let a stage grow as large as its config says? Ask before it must."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manifest import Manifest, ManifestError
from stacks.configured import configured
from stacks.quotas import QUOTAS, Need, Quota, needs
from stacks.release import read_release
from stacks.settings.checked import ConfigError
from stacks.settings.deployment import Deployment
from stacks.settings.serverless import ServerlessConfig

RELEASES = Path(__file__).parents[1] / "releases"
EPILOG = """\
examples:
  python -m stacks preflight                       of all stages, together
  python -m stacks preflight --stage prod --json   for machines
  AWS_PROFILE=prod python -m stacks preflight      the account's own values, too

Needs are of scaling's maximum while a rollout replaces tasks. Where no credentials are
found, AWS's defaults of a new account are shown in the place of its own values.
exit code: 0, 1 if a value of the account is known to be too small, 2 on an error
"""


Key = tuple[str | None, str, str]  # account, region, code


def key_of(need: Need) -> Key:
    return need.account, need.region, need.quota.code


@dataclass(frozen=True)
class Row:
    """One quota of one account in one region, and what is needed of it in all."""

    needs: tuple[Need, ...]
    value: float | None  # the account's own; None: not known

    @property
    def first(self) -> Need:
        return self.needs[0]

    @property
    def quota(self) -> Quota:
        return self.first.quota

    @property
    def needed(self) -> float:
        amounts = [need.amount for need in self.needs]
        return sum(amounts) if self.quota.shared else max(amounts)

    @property
    def verdict(self) -> str:
        """short: the account's value is. ask: a new account's would be."""
        if self.value is not None:
            return "short" if self.needed > self.value else "ok"
        return "ask" if self.needed > self.quota.default else "ok"

    @property
    def request(self) -> str:
        """The command that asks AWS for what is needed."""
        return (
            f"aws service-quotas request-service-quota-increase --region {self.first.region}"
            f" --service-code {self.quota.service} --quota-code {self.quota.code}"
            f" --desired-value {self.needed:g}"
        )


def main(arguments: Sequence[str] | None = None, what: Deployment | None = None) -> int:
    """Print a table, or JSON. `what` is the deployment, stacks/config.py's unless given."""
    options = _parser().parse_args(arguments)
    try:
        what = what or configured()
        rows = _rows(what, options.releases, options.stage, offline=options.offline)
    except (ConfigError, ManifestError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(_json(rows) if options.json else _table(rows), end="")
    return 1 if any(row.verdict == "short" for row in rows) else 0


def _rows(
    what: Deployment, folder: Path, stage: str | None, *, offline: bool
) -> list[Row]:
    names = ["delivery", *(each.name for each in what.stages)]
    if stage is not None and stage not in names:
        raise ConfigError(f"--stage: {stage!r} is not one of {', '.join(names)}")
    found = needs(what, _releases(what, folder, stage))
    chosen = [need for need in found if stage in (None, need.stage)]
    values = {} if offline else account_values(chosen)
    grouped: dict[Key, list[Need]] = {}
    for need in chosen:
        grouped.setdefault(key_of(need), []).append(need)
    rows = [Row(tuple(group), values.get(key)) for key, group in grouped.items()]
    return sorted(rows, key=lambda row: (row.first.region, QUOTAS.index(row.quota)))


def _releases(
    what: Deployment, folder: Path, stage: str | None
) -> dict[tuple[str, str], Manifest]:
    """By stage and model; says which endpoints cannot be counted yet."""
    releases = {}
    for each in what.stages:
        for endpoint in each.endpoints:
            path = folder / each.name / f"{endpoint.model}.json"
            if release := read_release(path, endpoint, each.built_for(endpoint)):
                releases[each.name, endpoint.model] = release
            elif isinstance(endpoint, ServerlessConfig) or endpoint.size:
                continue
            elif stage in (None, each.name):
                _note(f"{each.name}: {endpoint.name} has no release: no vCPU counted")
    return releases


def account_values(wanted: Sequence[Need]) -> dict[Key, float]:
    """Read the account's own values; without credentials there are none, and no error.

    Asks sts:GetCallerIdentity once, and servicequotas:GetServiceQuota for each quota of
    the account that the credentials are of.
    """
    import boto3
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
    )

    session = boto3.Session()
    if session.get_credentials() is None:
        _note("no credentials: the account's own values are not known")
        return {}
    values: dict[Key, float] = {}
    try:
        region = min((need.region for need in wanted), default=None)
        own = session.client("sts", region_name=region).get_caller_identity()
        for key, quota in _asked(wanted, own["Account"]).items():
            client = session.client("service-quotas", region_name=key[1])
            value = _value(client, quota)
            if value is not None:
                values[key] = value
    except (BotoCoreError, ClientError) as error:
        _note(f"not all of the account's own values are known: {error}")
    return values


def _asked(wanted: Sequence[Need], own: str) -> dict[Key, Quota]:
    """Each quota once, and none of an account that the credentials are not of."""
    return {key_of(need): need.quota for need in wanted if need.account in (None, own)}


def _value(client: Any, quota: Quota) -> float | None:
    """The applied value; AWS has none of a quota that the account never met."""
    try:
        found = client.get_service_quota(
            ServiceCode=quota.service, QuotaCode=quota.code
        )
    except client.exceptions.NoSuchResourceException:
        return None
    return float(found["Quota"]["Value"])


def _note(what: str) -> None:
    print(what, file=sys.stderr)


def _table(rows: Sequence[Row]) -> str:
    lines = [("quota", "code", "needed", "default", "account", "", "by")]
    for row in rows:
        value = "?" if row.value is None else f"{row.value:g}"
        by = ", ".join(f"{need.stage} {need.amount:g}" for need in row.needs)
        quota = row.quota
        lines.append(
            (
                quota.name,
                quota.code,
                f"{row.needed:g}",
                f"{quota.default:g}",
                value,
                row.verdict,
                by,
            )
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    numbers = (2, 3, 4)
    text = [
        "  ".join(
            cell.rjust(width) if index in numbers else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return "\n".join([*text, *_requests(rows)]) + "\n"


def _requests(rows: Sequence[Row]) -> list[str]:
    """What to type for those that are too small, and why so much is needed."""
    lines = []
    for row in rows:
        if row.verdict == "ok":
            continue
        lines += ["", *(f"{need.stage}: {need.why}" for need in row.needs)]
        lines.append(
            row.request
            if row.quota.adjustable
            else f"{row.quota.name}: AWS raises it for nobody"
        )
    return lines


def _json(rows: Sequence[Row]) -> str:
    found = [
        {
            "service": row.quota.service,
            "code": row.quota.code,
            "name": row.quota.name,
            "account": row.first.account,
            "region": row.first.region,
            "needed": row.needed,
            "default": row.quota.default,
            "value": row.value,
            "verdict": row.verdict,
            "stages": {
                need.stage: {"needed": need.amount, "why": need.why}
                for need in row.needs
            },
        }
        for row in rows
    ]
    return json.dumps(found, indent=2) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m stacks preflight",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stage", help="only this stage, or delivery")
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument("--offline", action="store_true", help="do not ask AWS")
    parser.add_argument(
        "--releases",
        type=Path,
        default=RELEASES,
        metavar="DIR",
        help="STAGE/MODEL.json (default: stacks/releases)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
