"""Answers to a file of instances: on this machine, or by a job of a stage."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from containers.batch.objects import Address

_RUN = """\
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
_SUBMIT = """\
IN is an object of JSON lines as `run` reads them, or all objects below an address; OUT is
an address of its own, below which the tasks write:
  answers/part-000000.jsonl  ...  errors/  done/  run.json
Parts are in the order of the input. A line without an id is called by the byte it begins
at, for no task reads what is before its part. The same command again goes on where tasks
were stopped, and answers nothing twice.

exit code: 0 once it is submitted, or with --wait once it is done; 2 on an error
"""
_STATUS = """\
exit code: 0 if the output is whole, 1 if it is not, 2 on an error
"""
RELEASES = Path("stacks/releases")


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 once what was asked is done, 2 with one line that says why it is not."""
    given = _parser().parse_args(arguments)
    if region := os.environ.get("AWS_REGION"):  # which boto3 alone does not read
        os.environ.setdefault("AWS_DEFAULT_REGION", region)
    return int(given.command(given))


def _run(given: argparse.Namespace) -> int:
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
        return _refuse(error)
    except OSError as error:
        place = error.filename or given.out
        return _refuse(
            f"{place}: {error.strerror}; the same command goes on from the parts that "
            "are finished"
        )
    return 0


def _submit(given: argparse.Namespace) -> int:
    import boto3

    from batch.submit import Asked, follow, submit
    from containers.batch.objects import connect

    asked = Asked(
        given.job, given.stage, given.source, given.out, given.id, given.tasks
    )

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def start() -> int:
        objects, client = connect(), boto3.client("batch")
        submitted = submit(client, objects, asked, RELEASES, say)
        say(f"submitted {submitted.id}; python -m batch status {given.out}")
        answer: dict[str, Any] = {"id": submitted.id, **asdict(submitted.estimate)}
        if given.wait:
            answer |= asdict(follow(client, objects, submitted.id, given.out, say))
        print(json.dumps(answer) if given.json else submitted.id)
        return 0

    return _asking_aws(start)


def _status(given: argparse.Namespace) -> int:
    from batch.status import read_state
    from containers.batch.objects import connect

    def tell() -> int:
        state = read_state(connect(), given.out)
        print(json.dumps(asdict(state)) if given.json else state.text)
        return 0 if state.is_whole else 1

    return _asking_aws(tell)


def _asking_aws(ask: Callable[[], int]) -> int:
    from botocore.exceptions import BotoCoreError, ClientError

    from batch.record import RefusedError
    from containers.batch.objects import ObjectError
    from costs.book import PriceError

    try:
        return ask()
    except (RefusedError, ObjectError, PriceError, BotoCoreError, ClientError) as error:
        return _refuse(error)


def _refuse(why: object) -> int:
    print(f"error: {why}", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m batch", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, action: Callable[[argparse.Namespace], int], epilog: str, **told: Any
    ) -> argparse.ArgumentParser:
        plain = argparse.RawDescriptionHelpFormatter
        one = commands.add_parser(name, epilog=epilog, formatter_class=plain, **told)
        one.set_defaults(command=action)
        one.add_argument("--json", action="store_true", help="for machines")
        return one

    one = command("run", _run, _RUN, help="answer a file on this machine")
    one.add_argument("model", type=Path, metavar="DIR", help="an artifact's directory")
    one.add_argument("source", type=Path, metavar="IN", help="JSON lines; .gz or not")
    one.add_argument("out", type=Path, metavar="OUT", help="JSON lines; .gz or not")
    one.add_argument("--cores", type=_cores, default=0, help="all, if not given")
    one.add_argument("--fresh", action="store_true", help="write over what is there")
    two = command(
        "submit", _submit, _SUBMIT, help="let a stage's job answer a bucket's"
    )
    two.add_argument("job", metavar="JOB", help="as stacks/config.py calls it")
    two.add_argument("source", type=_address, metavar="s3://IN", help="JSON lines")
    two.add_argument("out", type=_address, metavar="s3://OUT", help="a folder")
    two.add_argument("--stage", default="dev", help="default: dev")
    two.add_argument(
        "--tasks", type=_tasks, help="at once; default: ten minutes of work for each"
    )
    two.add_argument("--wait", action="store_true", help="until it is done")
    for each in (one, two):
        each.add_argument(
            "--id", default="id", metavar="FIELD", help="where an instance's id is: id"
        )
    three = command("status", _status, _STATUS, help="how far a job is")
    three.add_argument("out", type=_address, metavar="s3://OUT", help="its output")
    return parser


def _address(text: str) -> Address:
    from containers.batch.objects import read_address

    try:
        return read_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _tasks(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 10_000):
        raise argparse.ArgumentTypeError(f"{text!r} is not between 1 and 10000")
    return int(text)


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
