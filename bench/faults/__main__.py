"""python -m bench.faults: break a served model, and see what its clients notice."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from bench.faults.hostile import hostile
from bench.faults.overload import overload
from bench.faults.promise import Promise, table
from bench.faults.repeated import repeated
from bench.faults.soak import soak
from bench.faults.texts import read_texts
from bench.load import LoadError
from bench.server import ServerError
from bench.serving.machine import machine
from bench.serving.offered import OfferError
from manifest import ManifestError, read_manifest

DESCRIPTION = """
Break a served model, and see what its clients notice.

  overload   ten times the peak: goodput, latency of the accepted and of the refused
  soak       SIGTERM rollovers behind haproxy and kill -9, under 70 % load
  hostile    100,000 requests that no honest client sends
  repeated   Zipf traffic with the cache and without it
"""

EPILOG = """
Exit codes: 0 every promise was kept, 1 one was broken, 2 it could not run.
make bench-faults runs all four; hostile wants schemathesis, so .venv/deploy/bin/python. KNOWN: .venv/build/bin/python -m bench.serving.known DIR > known.json
"""


class _Result(Protocol):
    def promises(self, *, is_timed: bool = True) -> list[Promise]: ...


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.faults",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    options: dict[str, list[tuple[str, type, float | None, str]]] = {
        "overload": [
            ("seconds", float, 300, "of overload"),
            ("window", float, 5, "seconds of each step of the search for the peak"),
            ("times", float, 10, "the peak"),
        ],
        "soak": [
            ("seconds", float, 1800, "over all events"),
            ("rollovers", int, 50, "servers replaced"),
            ("kills", int, 20, "workers killed"),
            ("rate", float, None, "requests a second (default: 70 %% of the peak)"),
        ],
        "hostile": [
            ("requests", int, 100_000, "in all"),
            ("examples", int, 1000, "of schemathesis, for each operation; 0 is none"),
            ("slow", int, 300, "half-open connections held meanwhile"),
            ("seed", int, 1, "of what is generated"),
        ],
        "repeated": [
            ("rounds", int, 8, "with each server"),
            ("seconds", float, 5, "of a round"),
            ("universe", int, 20_000, "distinct texts"),
            ("exponent", float, 1.1, "of Zipf's law"),
        ],
    }
    for name, own in options.items():
        command = commands.add_parser(name)
        command.add_argument("artifact", type=Path, help="artifact directory")
        command.add_argument("--known", type=Path, help="more real texts; see below")
        command.add_argument("--json", type=Path, metavar="FILE", help="write it all")
        for option, kind, default, what in own:
            text = what if default is None else f"{what} (default: {default})"
            command.add_argument(f"--{option}", type=kind, default=default, help=text)
    return parser


def _run(options: argparse.Namespace) -> _Result:
    artifact: Path = options.artifact
    manifest = read_manifest(artifact / "manifest.json")
    texts = read_texts(artifact, options.known)
    say = partial(print, file=sys.stderr, flush=True)
    commands: dict[str, Callable[..., _Result]] = {
        "overload": overload,
        "soak": soak,
        "hostile": hostile,
        "repeated": repeated,
    }
    own = vars(options).copy()
    for name in ("artifact", "command", "known", "json"):
        del own[name]
    if "window" in own:
        own["window_s"] = own.pop("window")
    path = f"/v1/models/{manifest.name}:predict"
    run = commands[options.command]
    return run(artifact, path, texts, python=Path(sys.executable), say=say, **own)


def main() -> None:
    options = _parser().parse_args()
    try:
        result = _run(options)
    except (LoadError, ManifestError, OSError, OfferError, ServerError) as error:
        print(f"error: {str(error).removeprefix('error: ')}", file=sys.stderr)
        sys.exit(2)
    promises = result.promises()
    print(f"{options.command} on {machine()}")
    print(table(promises))
    measured: dict[str, Any] = asdict(result)  # type: ignore[call-overload]
    for complaint in measured.get("complaints", []):
        print(f"  {complaint}")
    if options.json:
        content = {
            "command": options.command,
            "machine": machine(),
            "promises": [{**asdict(p), "is_kept": p.is_kept} for p in promises],
            "measured": measured,
        }
        options.json.write_text(json.dumps(content, indent=2) + "\n")
    sys.exit(not all(promise.is_kept for promise in promises))


if __name__ == "__main__":
    main()
