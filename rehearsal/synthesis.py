"""The assemblies of a life: one for each set of releases, made by the app itself."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rehearsal.account import RehearsalError
from rehearsal.assembly import Stack, read_assembly
from rehearsal.cdk import CdkCli, CommandError

DELIVERY = "delivery"  # what all stages share
_AT_ONCE = 2  # a synth keeps one core busy


@dataclass(frozen=True)
class Assembly:
    """Synthesized stacks, and which of them are rehearsed."""

    directory: Path
    stacks: tuple[Stack, ...]
    patterns: tuple[str, ...]  # that name those stacks to the CLI


def synthesize(
    cli: CdkCli,
    environment: Mapping[str, str],
    releases: Mapping[str, Path],
    directory: Path,
) -> dict[str, Path]:
    """Synthesize one assembly for each folder of releases, and return where they are.

    By this interpreter, whatever cdk.json calls `python3`, and without the templates'
    own rules, which are checked where templates are made. Raises RehearsalError.
    """
    quick = {**environment, "CDK_VALIDATION": "false"}

    def one(name: str) -> Path:
        output = directory / name
        context = ("-c", "demo=true", "-c", f"releases={releases[name]}")
        where = ("--output", str(output), "--app", f"{sys.executable} app.py")
        cli.run(("synth", "--quiet", *context, *where), quick)
        return output

    with ThreadPoolExecutor(_AT_ONCE) as workers:
        try:
            return dict(zip(releases, workers.map(one, releases), strict=True))
        except CommandError as error:
            raise RehearsalError(str(error)) from error


def select(directory: Path, stages: tuple[str, ...]) -> Assembly:
    """Return an assembly's stacks of these stages and of delivery; all, without stages.

    Raises RehearsalError for a stage that the assembly has not.
    """
    stacks = read_assembly(directory)
    there = {stack.stage for stack in stacks}
    for stage in stages:
        if stage not in there:
            known = ", ".join(sorted(there))
            raise RehearsalError(f"stage: {stage!r} is not one of {known}")
    wanted = there & {DELIVERY, *stages} if stages else there
    patterns = tuple(f"{stage}/*" for stage in sorted(wanted)) if stages else ("--all",)
    chosen = tuple(stack for stack in stacks if stack.stage in wanted)
    return Assembly(directory, chosen, patterns)
