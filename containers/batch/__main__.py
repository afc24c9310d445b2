"""python -m containers.batch s3://IN s3://OUT: one task of a batch job, in its image."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

_EPILOG = """\
IN is an object of JSON lines, or all objects below an address; those that end in .gz are
compressed. AWS Batch says in AWS_BATCH_JOB_ARRAY_INDEX and AWS_BATCH_JOB_ARRAY_SIZE which
of how many tasks this is: one of one, if they are not set. MODEL_DIR is the artifact.

A part that another task has finished is not answered again: run it as often as you like.
exit code: 0 once all parts of this task are done, 2 on an error
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 once this task's parts are done, 2 with one line that says why not."""
    given = _parser().parse_args(arguments)
    from containers.batch.objects import ObjectError, connect, read_address
    from containers.batch.record import begin
    from containers.batch.share import answer_share, read_share
    from containers.flask.artifact import StartError, open_artifact
    from containers.flask.cores import usable_cores
    from containers.flask.lines import check_id_field, load_lines

    try:
        share = read_share(os.environ)
        source, out = read_address(given.source), read_address(given.out)
        directory = Path(os.environ.get("MODEL_DIR", "/model"))
        manifest, objects, cores = open_artifact(directory), connect(), usable_cores()
        check_id_field(manifest, given.id)
        every = begin(
            objects,
            source,
            out,
            manifest=manifest,
            id_field=given.id,
            part_bytes=given.part_bytes,
        )
        lines = load_lines(manifest, directory, given.id, "byte", threads=cores)
        answer_share(
            objects,
            out,
            every,
            share=share,
            answer=lines.answer,
            threads=cores,
            say=lambda text: print(text, flush=True),
        )
    except (ObjectError, StartError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m containers.batch",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", metavar="s3://IN", help="an object, or a folder")
    parser.add_argument("out", metavar="s3://OUT", help="a folder of its own")
    parser.add_argument(
        "--id", default="id", metavar="FIELD", help="where an instance's id is: id"
    )
    parser.add_argument(
        "--part-bytes",
        type=_bytes,
        metavar="N",
        help="what an interruption may lose: 4 MiB, or more of over 40 GB",
    )
    return parser


def _bytes(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:15]) <= 1 << 30):
        raise argparse.ArgumentTypeError(f"{text!r} is not between 1 and {1 << 30:,}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
