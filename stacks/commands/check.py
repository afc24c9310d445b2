"""Refuse committed releases that were never measured, or not built from a committed spec."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from manifest import ManifestError, read_manifest
from stacks.commands.checkout import Checkout, CommandError
from stacks.configured import configured
from stacks.settings.checked import ConfigError
from stacks.settings.deployment import Deployment

EPILOG = """\
A stage may stay behind: a release of an earlier committed spec passes, and is said to be
of one, where the git history is at hand. A release of a spec that was never committed
does not: nobody could build it again.
exit code: 0, 1 where a release is refused, 2 on an error
"""


@dataclass(frozen=True)
class Verdict:
    """What was found about one release; `refused` stops a deploy."""

    file: str
    refused: bool
    why: str


def main(arguments: Sequence[str] | None = None, what: Deployment | None = None) -> int:
    """Print a line a release; `what` is stacks/config.py's deployment unless given."""
    options = _parser().parse_args(arguments)
    try:
        verdicts = verdicts_of(Checkout(options.root), what or configured())
    except (ConfigError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps([vars(verdict) for verdict in verdicts], indent=2))
    for verdict in () if options.json else verdicts:
        print(
            f"{'REFUSED' if verdict.refused else 'ok'}  {verdict.file}: {verdict.why}"
        )
    if not verdicts and not options.json:
        print("no releases: every endpoint is waiting for its first build")
    return 1 if any(verdict.refused for verdict in verdicts) else 0


def verdicts_of(checkout: Checkout, what: Deployment) -> list[Verdict]:
    """Judge every file in stacks/releases, in order of its name."""
    folder = checkout.root / "stacks" / "releases"
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder}: no such directory")
    stages = {stage.name: stage for stage in what.stages}
    verdicts = []
    for path in sorted(folder.glob("*/*.json")):
        name = str(path.relative_to(checkout.root))
        if path.parent.name not in stages:
            verdicts.append(Verdict(name, True, f"no stage {path.parent.name}"))
            continue
        try:
            verdicts.append(Verdict(name, False, _judge(checkout, path)))
        except (ManifestError, CommandError) as error:
            why = str(error).removeprefix(f"{path}: ")
            verdicts.append(Verdict(name, True, why))
    return verdicts


def _judge(checkout: Checkout, path: Path) -> str:
    """Return what is worth saying. Raises CommandError or ManifestError."""
    release = read_manifest(path)
    if release.name != path.stem:
        raise CommandError(f"name: {release.name!r} is not {path.stem!r}")
    release.measured()
    committed = checkout.spec_digest(release.name)
    if release.spec_digest == committed:
        return f"{release.version}, of the committed spec"
    if release.spec_digest in checkout.spec_digests(release.name):
        return f"{release.version}, of an earlier spec"
    raise CommandError(
        f"spec_digest: {release.spec_digest[:12]} is not {committed[:12]}, nor that of"
        " any version in the history that is here"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m stacks check",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument(
        "--root", type=Path, default=Checkout().root, help="the checkout to judge"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
