#!/usr/bin/env python3
"""CDK entry point: every stage, always, so that one diff shows them all."""

from __future__ import annotations

import sys
from pathlib import Path

import aws_cdk as cdk

from costs.fargate import SizeError
from manifest import ManifestError
from stacks.config import STAGES, ConfigError, StageConfig
from stacks.stage import Stage

RELEASES = Path(__file__).parent / "stacks" / "releases"


def build(
    app: cdk.App, stages: tuple[StageConfig, ...] = STAGES, releases: Path | None = None
) -> list[Stage]:
    """Add every stage to the app; releases are in `releases`/STAGE/MODEL.json.

    The context key `releases` names another directory than stacks/releases.
    """
    folder = releases or Path(app.node.try_get_context("releases") or RELEASES)
    return [Stage(app, config=config, releases=folder) for config in stages]


def main() -> int:
    app = cdk.App()
    try:
        stages = build(app)
    except (ConfigError, ManifestError, SizeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for stage in stages:
        for model in stage.waiting:
            print(
                f"{stage.node.id}: endpoint {model} is waiting for its first build",
                file=sys.stderr,
            )
    app.synth()
    return 0


if __name__ == "__main__":
    sys.exit(main())
