#!/usr/bin/env python3
"""CDK entry point: every stage, always, so that one diff shows them all."""

from __future__ import annotations

import sys
from pathlib import Path

import aws_cdk as cdk

from manifest import ManifestError
from stacks.configured import configured
from stacks.delivery import Delivery
from stacks.release import image_tags, strays
from stacks.settings.checked import ConfigError
from stacks.settings.deployment import Deployment
from stacks.stage import Stage

RELEASES = Path(__file__).parent / "stacks" / "releases"


def build(app: cdk.App, what: Deployment, releases: Path) -> list[Stage]:
    """Add what is shared, then the stages; releases are in `releases`/STAGE/MODEL.json.

    Raises ConfigError or ManifestError for what could not be deployed.
    """
    # Or the assembly would hold the names of temporary folders, new in every process.
    app.node.set_context("aws:cdk:disable-creation-stack-traces", True)
    Delivery(app, deployment=what, running=image_tags(releases, what))
    return [
        Stage(app, config=each, delivery=what.delivery, releases=releases)
        for each in what.stages
    ]


def releases_of(app: cdk.App) -> Path:
    """Return stacks/releases, or what the context key `releases` names instead."""
    named = app.node.try_get_context("releases")
    if named and not Path(named).is_dir():
        raise ConfigError(f"-c releases={named}: no such directory")
    return Path(named or RELEASES)


def main() -> int:
    app = cdk.App()
    try:
        what = configured(demo=bool(app.node.try_get_context("demo")))
        releases = releases_of(app)
        built = build(app, what, releases)
    except (ConfigError, ManifestError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for stage in built:
        for line in stage.notices:
            print(line, file=sys.stderr)
    for name in strays(releases, [stage.name for stage in what.stages]):
        print(f"releases of {name}: there is no such stage", file=sys.stderr)
    app.synth()
    if app.node.try_get_context("checks"):
        from checks.__main__ import main as judge  # cdk-nag and cfn-lint: CI has them

        return judge([app.outdir])
    return 0


if __name__ == "__main__":
    sys.exit(main())
