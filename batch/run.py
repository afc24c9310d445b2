"""One run: a file of instances to a file of answers, on from where one was killed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from batch.output import errors_of, open_output, record_of
from batch.parts import Parts
from batch.price import dollars, seconds_of
from batch.progress import Progress
from batch.record import Record, RefusedError
from batch.source import Source
from containers.flask.artifact import open_artifact
from containers.flask.bulk import in_order
from containers.flask.cores import usable_cores
from containers.flask.lines import check_id_field, load_lines
from manifest import Manifest

PART_BYTES = 4 << 20  # what a kill may lose: half a minute of short texts


@dataclass(frozen=True)
class Asked:
    model: Path  # the directory of an artifact
    source: Path
    out: Path
    id_field: str = "id"
    cores: int = 0  # 0: all that this process may use
    is_fresh: bool = False
    part_bytes: int = PART_BYTES


@dataclass(frozen=True)
class Summary:
    model: str
    version: str
    lines: int
    errors: int
    answered: int  # of the lines, by this run
    seconds: float  # of this run, without loading the model
    texts_per_second: float
    peak_mib: float
    dollars: float | None  # of a task on Fargate that ran so long


def run(asked: Asked, progress: Progress) -> Summary:
    """Answer every line, or those that a run before this one has left.

    Raises StartError, SourceError, RefusedError, PriceError or OSError.
    """
    manifest = open_artifact(asked.model)
    try:
        check_id_field(manifest, asked.id_field)
    except ValueError as error:
        raise RefusedError(str(error)) from error
    source = Source(asked.source)
    _check_places(asked)
    wanted = Record(
        input_bytes=source.identity.size_bytes,
        input_modified_ns=source.identity.modified_ns,
        model=manifest.name,
        version=manifest.version,
        id_field=asked.id_field,
        part_bytes=asked.part_bytes,
    )
    with open_output(asked.out) as output:
        record = output.begin(wanted, is_fresh=asked.is_fresh)
        answered, seconds = 0, 0.0
        if not record.is_whole:
            before = output.parts.last().lines
            seconds = _answer(asked, manifest, source, output.parts, progress)
            answered = output.parts.last().lines - before
            record = output.finish(record)
        output.parts.remove()
    return _summary(asked, manifest, record, answered, seconds)


def _check_places(asked: Asked) -> None:
    """Nothing that is written may be what is read."""
    for path in (asked.out, errors_of(asked.out), record_of(asked.out)):
        if path.exists() and path.samefile(asked.source):
            raise RefusedError(f"{path}: is the input, and would be written over")


def _answer(
    asked: Asked,
    manifest: Manifest,
    source: Source,
    parts: Parts,
    progress: Progress,
) -> float:
    """Answer what no finished part has; return how many seconds that took."""
    cores = _cores(asked)
    last = parts.last()
    if last.ends_file:
        return 0.0
    if last.lines:
        progress.say(f"going on after line {last.lines:,}")
    progress.say(_before(manifest, source.about_lines() - last.lines, cores))
    lines = load_lines(manifest, asked.model, asked.id_field, "line", threads=cores)
    began = time.monotonic()
    chunks = source.chunks(
        part_bytes=asked.part_bytes, offset=last.end, first=last.lines + 1
    )
    for answered in in_order(lines.answer, chunks, threads=cores):
        parts.add(answered)
        progress.add(len(answered.chunk.lines), source.share_read)
    progress.end()
    return time.monotonic() - began


def _before(manifest: Manifest, lines: float, cores: int) -> str:
    about = f"about {max(0.0, lines):,.0f} lines"
    seconds = seconds_of(manifest, max(0.0, lines), cores=cores)
    if seconds is None or manifest.serving is None:
        return f"{about}; the build has not measured how long they take"
    memory = manifest.serving.memory_mib
    price = _usd(dollars(manifest, seconds, cores=cores, memory_mib=memory))
    return f"{about}: {seconds / 60:.1f} minutes at the build's rate, {price}"


def _summary(
    asked: Asked, manifest: Manifest, record: Record, answered: int, seconds: float
) -> Summary:
    cores, peak = _cores(asked), _peak_mib()
    return Summary(
        model=manifest.name,
        version=manifest.version,
        lines=record.lines or 0,
        errors=record.error_lines or 0,
        answered=answered,
        seconds=round(seconds, 3),
        texts_per_second=round(answered / seconds, 1) if seconds else 0.0,
        peak_mib=round(peak, 1),
        dollars=dollars(manifest, seconds, cores=cores, memory_mib=peak),
    )


def text(summary: Summary, out: Path) -> str:
    """Return what a person is told at the end."""
    lines = f"{summary.lines:,} lines, {summary.errors:,} without an answer"
    if not summary.answered:
        return f"{out}: {lines}; none was left to answer"
    return (
        f"{out}: {lines}; {summary.answered:,} in {summary.seconds:,.1f} s, "
        f"{summary.texts_per_second:,.0f} a second, {summary.peak_mib:.0f} MiB at the "
        f"most, {_usd(summary.dollars)}"
    )


def _usd(amount: float | None) -> str:
    if amount is None:
        return "more cores than a Fargate task has"
    return f"{amount:.4f} dollars on Fargate"


def _cores(asked: Asked) -> int:
    return asked.cores or usable_cores()


def _peak_mib() -> float:
    """What the kernel kept of this process: no peak is missed."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0
