"""What one task of a job does: of all parts, each so many-th, where no other task did.

Below the output's address lie

    run.json                   what the answers are made from
    answers/part-NNNNNN.jsonl
    errors/part-NNNNNN.jsonl   lines without an answer, where there are any
    done/part-NNNNNN.json      last: a part that has it is whole

The same part is always the same bytes, so a task that is killed is run again, and two
that do the same harm nobody.
"""

from __future__ import annotations

import gzip
import io
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from containers.batch.objects import Address, ObjectError, Objects
from containers.batch.plan import Part
from containers.flask.bulk import in_order
from containers.flask.lines import Answered, Chunk, read_chunks, skip_line

MOST_ERRORS = 10_000  # of a part in its errors/; answers/ has them all
_BOM = b"\xef\xbb\xbf"
_INDEX, _TASKS = "AWS_BATCH_JOB_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_SIZE"

Answer = Callable[[Chunk], Answered]


@dataclass(frozen=True)
class Done:
    """What became of a part."""

    lines: int
    error_lines: int
    seconds: float


@dataclass(frozen=True)
class Share:
    """Of so many tasks, which one this is, from 0."""

    index: int
    tasks: int


def read_share(environment: Mapping[str, str]) -> Share:
    """Return what AWS Batch tells a task; raises ValueError where it is no share."""
    index, tasks = environment.get(_INDEX, "0"), environment.get(_TASKS, "1")
    for name, text in ((_INDEX, index), (_TASKS, tasks)):
        if not (text.isascii() and text.isdigit()):
            raise ValueError(f"{name}: {text[:40]!r} is not a whole number")
    if not int(index) < int(tasks):
        raise ValueError(f"{_INDEX}: {index} is not below {_TASKS}, {tasks}")
    return Share(int(index), int(tasks))


def answer_share(
    objects: Objects,
    out: Address,
    every: Sequence[Part],
    *,
    share: Share,
    answer: Answer,
    threads: int,
    say: Callable[[str], None],
) -> None:
    """Answer the parts of a share that are not done.

    Raises ObjectError once all that can be answered are: one bad object spoils no other.
    """
    done = objects.names(out / "done")
    own = every[share.index :: share.tasks]
    mine = [part for part in own if f"{part.name}.json" not in done]
    say(
        f"task {share.index} of {share.tasks}: {len(mine)} of {len(own)} parts to answer"
    )
    failed = []
    for place, part in enumerate(mine, start=1):
        try:
            found = answer_part(objects, out, part, answer=answer, threads=threads)
        except ObjectError as error:
            failed.append(error)
            say(f"{part.name}: {error}")
            continue
        rate = found.lines / found.seconds if found.seconds else 0.0
        say(
            f"{part.name}: {found.lines:,} lines, {found.error_lines:,} without an "
            f"answer, {rate:,.0f} a second; {place} of {len(mine)}"
        )
    if failed:
        raise ObjectError(
            f"{len(failed)} parts have no answers; the first: {failed[0]}"
        )


def answer_part(
    objects: Objects, out: Address, part: Part, *, answer: Answer, threads: int
) -> Done:
    """Answer one part and write what became of it; memory does not grow with it."""
    began = time.monotonic()
    written = _Written()
    chunks = read_part(objects.open(part.source, max(0, part.start - 1)), part)
    answers = written.follow(in_order(answer, chunks, threads=threads))
    objects.write(out / f"answers/{part.name}.jsonl", answers)
    if written.errors:
        objects.write(out / f"errors/{part.name}.jsonl", iter(written.errors))
    seconds = round(time.monotonic() - began, 3)
    done = Done(written.lines, written.error_lines, seconds)
    objects.write_json(out / f"done/{part.name}.json", asdict(done))
    return done


@dataclass
class _Written:
    """Counts what it lets pass."""

    lines: int = 0
    error_lines: int = 0
    errors: list[bytes] = field(default_factory=list)

    def follow(self, answers: Iterable[Answered]) -> Iterator[bytes]:
        for answered in answers:
            self.lines += len(answered.chunk.lines)
            if answered.errors and self.error_lines < MOST_ERRORS:
                self.errors.append(answered.errors)
            self.error_lines += answered.error_lines
            yield answered.answers


def read_part(file: io.BufferedReader, part: Part) -> Iterator[Chunk]:
    """Yield the part's lines; `file` is at the byte before it, or at its beginning."""
    try:
        yield from _lines_of(file, part)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ObjectError(
            f"{part.source.address}: not a whole gzip file: {error}"
        ) from error


def _lines_of(file: io.BufferedReader, part: Part) -> Iterator[Chunk]:
    offset = part.start
    if part.source.is_zipped:
        file = io.BufferedReader(gzip.GzipFile(fileobj=file))
    if offset:
        offset += skip_line(file) - 1
    elif file.peek(len(_BOM)).startswith(_BOM):
        offset = len(file.read(len(_BOM)))
    if part.source.is_zipped:
        yield from read_chunks(file, part_bytes=sys.maxsize, offset=offset, first=None)
    elif offset < part.end:
        for chunk in read_chunks(file, part_bytes=part.end, offset=offset, first=None):
            yield chunk
            if chunk.ends_part:
                break
