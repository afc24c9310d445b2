"""python -m containers.queued: work off a queue, or have dead letters answered after all."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from containers.flask.artifact import StartError
from containers.queued.messages import Queue
from containers.queued.redrive import redrive
from containers.queued.settings import read_settings
from containers.queued.store import Store
from containers.queued.worker import connect, stop_on_signals, work

EPILOG = """
from the environment, as the endpoint's stack says it:
  MODEL_DIR           artifact directory that python -m model_build wrote (worker)
  BUCKET              where submissions and their outcomes lie
  QUEUE_URL           of messages with instances
  REFERENCES_URL      of messages that name an object of JSON lines
  DEAD_LETTERS_URL    where messages end that nobody can answer
  TOPIC_ARN           told of every outcome; none unless set
  VISIBILITY_SECONDS  after a kill, until another worker takes the work (60)
  and what boto3 reads: AWS_DEFAULT_REGION, credentials, AWS_ENDPOINT_URL

A worker ends at SIGTERM or Ctrl-C: what it has begun is answered, the rest is given
back. Exit code 2: it could not start, and one line says why.
"""

MOST = 10_000


def main() -> None:
    arguments = _parser().parse_args()
    run: Callable[[argparse.Namespace], None] = arguments.run
    try:
        run(arguments)
    except (StartError, BotoCoreError, ClientError) as error:
        _refuse(error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m containers.queued",
        description="The worker's side of an asynchronous endpoint.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    worker = commands.add_parser(
        "worker",
        help="answer what is submitted, until SIGTERM",
        description="Answer what is submitted, until SIGTERM.",
    )
    worker.set_defaults(run=_work)
    again = commands.add_parser(
        "redrive",
        help="send dead letters back to their queues",
        description="Send dead letters back to their queues, once what was wrong with"
        " them is mended. A submission that failed is pending again; one that is done"
        " stays as it is.",
    )
    again.add_argument(
        "--most", type=_most, default=MOST, help=f"so many at most (default: {MOST})"
    )
    again.set_defaults(run=_redrive)
    return parser


def _work(arguments: argparse.Namespace) -> None:
    artifact = Path(os.environ.get("MODEL_DIR") or _missing("MODEL_DIR"))
    work(artifact, read_settings(os.environ), stop_on_signals())


def _redrive(arguments: argparse.Namespace) -> None:
    settings, sqs = read_settings(os.environ), connect("sqs")
    found = redrive(
        Queue(sqs, settings.dead_letters_url),
        items=Queue(sqs, settings.queue_url),
        references=Queue(sqs, settings.references_url),
        store=Store(connect("s3"), settings.bucket),
        most=arguments.most,
    )
    print(f"sent back: {found.items} items, {found.references} references")
    if found.done:
        print(f"answered meanwhile: {found.done}")
    if found.unreadable:
        print(f"unreadable, and left: {found.unreadable}")


def _most(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text[:10]) <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 1 and 1000000")
    return int(text)


def _missing(name: str) -> NoReturn:
    raise StartError(f"{name}: is not set")


def _refuse(error: Exception) -> NoReturn:
    print(f"error: {error}", file=sys.stderr)
    raise SystemExit(2)


if __name__ == "__main__":
    main()
