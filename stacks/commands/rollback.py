"""Put the release that a stage ran before into stacks/releases again."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from manifest import ManifestError
from stacks.commands.checkout import Checkout, CommandError, chosen_stage
from stacks.configured import configured
from stacks.settings.checked import ConfigError
from stacks.settings.deployment import Deployment

EPILOG = """\
examples:
  python -m stacks rollback support-sentiment --stage prod
  python -m stacks rollback support-sentiment --stage prod --version 3f1c9a07be24

The release is taken from the git history, its image is still in the registry. Deploy it
at once with `cdk deploy 'prod/*'`, or commit and push it. Said twice without a commit in
between, it goes further back each time.
exit code: 0, 1 refused, 2 on an error
"""


def main(arguments: Sequence[str] | None = None, what: Deployment | None = None) -> int:
    """Write one release; `what` is the deployment, stacks/config.py's unless given."""
    options = _parser().parse_args(arguments)
    try:
        stage = chosen_stage(what or configured(), options.stage)
        print(_rollback(Checkout(options.root), stage, options.name, options.version))
    except (CommandError, ManifestError) as error:
        print(f"refused: {error}", file=sys.stderr)
        return 1
    except (ConfigError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _rollback(checkout: Checkout, stage: str, model: str, version: str | None) -> str:
    now = checkout.read(stage, model)
    if now is None:
        raise CommandError(f"{stage}: {model} has no release to go back from")
    past = [*checkout.earlier(stage, model)]
    running = [place for place, (_, each) in enumerate(past) if each == now]
    # Of what was there before: a release that came back by rollback is not that.
    older = past if version else past[running[-1] + 1 if running else 0 :]
    for commit, release in older:
        if release.version == now.version or release.version != (
            version or release.version
        ):
            continue
        checkout.write(stage, release)
        change = f"{now.version} -> {release.version}, of commit {commit[:12]}"
        return f"{stage}: {model} {change}; commit it, or cdk deploy '{stage}/*'"
    wanted = version or f"another than {now.version}"
    raise CommandError(
        f"{stage}: {model}: the history before it has no release {wanted}"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m stacks rollback",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME", help="the model")
    parser.add_argument("--stage", required=True)
    parser.add_argument("--version", help="not the one before, but this one")
    parser.add_argument(
        "--root", type=Path, default=Checkout().root, help="the checkout to write to"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
