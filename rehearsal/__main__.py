"""Rehearse the deployment without AWS: `python -m rehearsal`."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import NoReturn

from rehearsal.account import RehearsalError
from rehearsal.cdk import CommandError, find_cdk
from rehearsal.deployment import Plan, rehearse
from rehearsal.progress import Progress
from rehearsal.recognition import digest, recognised
from rehearsal.releases import read_releases
from rehearsal.result import Rehearsal
from rehearsal.table import as_text

ROOT = Path(__file__).resolve().parents[1]
_EPILOG = """\
An emulator is started on loopback, and the real CDK CLI plays the life of the stacks:

  begin    bootstrap, deploy to the empty account, no release anywhere
  create   deploy releases A
  update   deploy releases B: nothing else may change
  fail     deploy releases C, which nobody baked: CloudFormation rolls back
  restore  deploy releases A again
  destroy  and look for what is left

After each, everything that can be read back is compared with the templates, property
by property, and with --model the endpoints answer through their load balancers. No AWS
account, credential or Docker daemon is used; no other machine can be reached.

exit codes:
  0  everything that was read back is as the templates and the releases ask
  1  something is not, or the CLI could not deploy or destroy a stack
  2  the rehearsal could not take place: the message says what is missing

examples:
  python -m rehearsal --releases build/support-sentiment/releases --model \\
    build/support-sentiment
  python -m rehearsal --releases build/releases --stage dev --phases create
  python -m rehearsal --assembly cdk.out --reuse --json
"""
_PHASES = "life: all phases; create: created and destroyed only, as with --assembly"


def main(arguments: list[str] | None = None) -> int:
    """Return the exit code; the table or the JSON goes to standard output."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _stopped)
    try:
        return _run(options)
    except RehearsalError as error:
        print(f"rehearsal: {error}", file=sys.stderr)
        return 2
    except CommandError as error:
        print(f"rehearsal: {error}", file=sys.stderr)
        if options.json:
            print(json.dumps({"passed": False, "error": str(error)}, indent=2))
        return 1
    except OSError as error:
        print(f"rehearsal: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("rehearsal: interrupted; the emulator is gone", file=sys.stderr)
        return 130


def _run(options: argparse.Namespace) -> int:
    releases = options.releases.resolve()
    released = read_releases(releases)
    model = options.model.resolve() if options.model else None
    assembly = options.assembly.resolve() if options.assembly else None
    cli = find_cdk(ROOT)
    whole = options.phases == "life" and assembly is None
    stages = tuple(sorted(set(options.stage)))
    how = [*stages, options.phases, *_manifest(model)]
    known = digest(ROOT, cli, releases, assembly, how)
    if options.reuse and (saved := recognised(options.out, known)):
        _say(
            f"recognised {known[:12]}: rehearsed before on exactly this; {options.out}"
        )
        _print(saved, options.json)
        return 0
    options.out.unlink(missing_ok=True)  # an older result would outlive a failure
    port = options.port
    plan = Plan(cli, released, assembly, model, stages, whole, port, known)
    rehearsal = rehearse(plan, Progress(_say))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(_as_json(rehearsal), encoding="utf-8")
    _print(rehearsal, options.json)
    return 0 if rehearsal.passed else 1


def _manifest(model: Path | None) -> list[str]:
    """Return what says which artifact answers."""
    if model is None:
        return []
    try:
        return [(model / "manifest.json").read_text(encoding="utf-8")]
    except OSError as error:
        raise RehearsalError(f"model: {error}") from error


def _print(rehearsal: Rehearsal, as_json: bool) -> None:
    print(_as_json(rehearsal) if as_json else as_text(rehearsal), end="", flush=True)


def _as_json(rehearsal: Rehearsal) -> str:
    return json.dumps(rehearsal.to_json(), indent=2) + "\n"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _stopped(number: int, frame: object) -> NoReturn:
    """SIGTERM must unwind as Ctrl-C does, or the emulator would outlive us."""
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rehearsal",
        description="Deploy the stacks to an emulator, read them back, destroy them.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--releases", type=Path, default=ROOT / "stacks/releases", metavar="DIR")
    add("--assembly", type=Path, metavar="DIR", help="do not synthesize: deploy this")
    add("--model", type=Path, metavar="DIR", help="the artifact that answers a call")
    add("--phases", choices=("life", "create"), default="life", help=_PHASES)
    add("--stage", action="append", default=[], help="repeat it; default: all")
    add("--port", type=int, default=0, help="the emulator's; default: any free one")
    add("--out", type=Path, default=ROOT / "build/rehearsal.json", metavar="FILE")
    add("--reuse", action="store_true", help="do nothing if --out passed on the same")
    add("--json", action="store_true", help="the result as JSON instead of a table")
    return parser


if __name__ == "__main__":
    sys.exit(main())
