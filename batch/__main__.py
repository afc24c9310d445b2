"""python -m batch run DIR IN.jsonl OUT.jsonl: answers to a file of instances."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import FrameType

_EPILOG = """\
a line of IN is an instance as :predict takes it, with an id beside it if it has one:
  "my order never came"
  {"id": "a7", "text": "thank you, solved in a minute"}
the line of OUT in its place has the id, or the line's number:
  {"id":1,"label":"negative","score":0.98}
  {"id":"a7","label":"positive","score":0.97}

Beside OUT lie OUT.errors.jsonl (the lines without an answer, and why) and OUT.run.json
(what OUT is made from). Names that end in .gz are compressed. Kill it at any time: the
same command goes on.

exit code: 0, also where lines have no answer; 2 on an error
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 once the output is whole, 2 with one line that says why it is not."""
    given = _parser().parse_args(arguments)
    # Not above: who stops it while numpy and the engine are imported is told as well.
    from batch.progress import Progress
    from batch.record import RefusedError
    from batch.run import Asked, run, text
    from batch.source import SourceError
    from containers.flask.artifact import StartError
    from costs.book import PriceError

    asked = Asked(
        given.model, given.source, given.out, given.id, given.cores, given.fresh
    )
    try:
        summary = run(asked, Progress())
        print(json.dumps(asdict(summary)) if given.json else text(summary, given.out))
    except (RefusedError, SourceError, StartError, PriceError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        place = error.filename or given.out
        print(
            f"error: {place}: {error.strerror}; the same command goes on from the "
            "parts that are finished",
            file=sys.stderr,
        )
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m batch", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    one = commands.add_parser(
        "run",
        help="answer a file on this machine",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    one.add_argument("model", type=Path, metavar="DIR", help="an artifact's directory")
    one.add_argument("source", type=Path, metavar="IN", help="JSON lines; .gz or not")
    one.add_argument("out", type=Path, metavar="OUT", help="JSON lines; .gz or not")
    one.add_argument("--cores", type=_cores, default=0, help="all, if not given")
    one.add_argument(
        "--id", default="id", metavar="FIELD", help="where an instance's id is: id"
    )
    one.add_argument("--fresh", action="store_true", help="write over what is there")
    one.add_argument("--json", action="store_true", help="print the summary as JSON")
    return parser


def _cores(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:5]) <= 1024):
        raise argparse.ArgumentTypeError(f"{text!r} is not between 1 and 1024")
    return int(text)


def _stop(number: int, _: FrameType | None) -> None:
    """Whatever is under way may be left: only what is whole has a name."""
    line = (
        "\nstopped; finished parts are kept, and the same command goes on from there\n"
    )
    os.write(sys.stderr.fileno(), line[not sys.stderr.isatty() :].encode())
    os._exit(128 + number)


if __name__ == "__main__":
    for signal_ in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_, _stop)
    sys.exit(main())
