"""A rehearsal as text: one line a resource type, then everything that needs a reader."""

from __future__ import annotations

from collections.abc import Iterator

from rehearsal.result import Rehearsal, TypeLine

_HEADINGS = (
    "",
    "count",
    "read back",
    "different",
    "recorded",
    "not covered",
    "properties",
)
LIMITS = (
    "The emulator runs no container, build, scaling action, traffic shift or lifecycle "
    "hook, and checks no\npermission and no quota; where an endpoint answered, the "
    "rehearsal had started the server.\nReleases B and C are A under another "
    "version; an image is a tag without layers.\n"
    "'read back' means a describe call returned the compared properties equal to the "
    "template's;\n'recorded' means the emulator only noted the request, checked "
    "against AWS's API model."
)


def as_text(rehearsal: Rehearsal) -> str:
    """Return the table, the releases, what was left, and each finding."""
    return "\n".join(_lines(rehearsal)) + "\n"


def _lines(rehearsal: Rehearsal) -> Iterator[str]:
    yield from _table(rehearsal.types)
    yield ""
    yield from _uncompared(rehearsal.types)
    for release in rehearsal.releases:
        where = release.task_definition or "NOT FOUND"
        yield f"release    {release.stage} {release.image_tag}: {where}"
    yield ""
    for phase in rehearsal.phases:
        shown = phase.shown or ("",)
        yield f"{phase.name:<10} {phase.seconds:5.1f} s  {shown[0]}".rstrip()
        yield from (f"{'':<20}{line}" for line in shown[1:])
    yield ""
    yield f"destroyed  {rehearsal.removed} resources: there before, gone after"
    yield from (
        f"retained   {name}, as its template asks" for name in rehearsal.retained
    )
    yield ""
    yield LIMITS
    yield ""
    for phase in rehearsal.phases:
        yield from (f"DIFFERENCE  {phase.name}: {each}" for each in phase.findings)
    took = sum(phase.seconds for phase in rehearsal.phases)
    yield f"{_verdict(rehearsal)} ({took:.0f} s)"


def _verdict(rehearsal: Rehearsal) -> str:
    count = sum(line.count for line in rehearsal.types)
    read = sum(line.read_back for line in rehearsal.types)
    stacks = len(rehearsal.stacks)
    if not rehearsal.passed:
        count = sum(len(phase.findings) for phase in rehearsal.phases)
        return f"FAILED: {count} differences in {stacks} stacks"
    return f"passed: {read} of {count} resources in {stacks} stacks read back as asked"


def _table(types: tuple[TypeLine, ...]) -> Iterator[str]:
    rows = [_row(line) for line in types]
    columns = range(1, len(_HEADINGS) - 1)
    total = tuple(str(sum(int(row[column] or 0) for row in rows)) for column in columns)
    compared = sum(line.compared for line in types)
    asked = sum(line.properties for line in types)
    rows.append(("total", *total, f"{compared}/{asked}"))
    widths = [max(len(row[i]) for row in (_HEADINGS, *rows)) for i in range(7)]
    for row in (_HEADINGS, *rows):
        cells = (
            cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)
        )
        yield f"{row[0]:<{widths[0]}}  {'  '.join(cells)}"


def _row(line: TypeLine) -> tuple[str, ...]:
    counts = (line.read_back, line.different, line.recorded_only, line.not_covered)
    return (
        line.type,
        str(line.count),
        *(str(count) if count else "" for count in counts),
        f"{line.compared}/{line.properties}",
    )


def _uncompared(types: tuple[TypeLine, ...]) -> Iterator[str]:
    if any(line.uncompared for line in types):
        yield "properties not compared:"
    for line in types:
        if line.uncompared:
            names = (f"{name} ({why})" for name, why in line.uncompared.items())
            yield f"  {line.type}: {', '.join(names)}"
