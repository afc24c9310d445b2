"""One rehearsal: from an empty account to an empty account, by the real CDK CLI."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from manifest import Manifest
from rehearsal.account import ACCOUNT, REGION, RehearsalError
from rehearsal.assembly import Stack, read_assembly
from rehearsal.cdk import CdkCli, CommandError
from rehearsal.emulator import start_emulator
from rehearsal.inspection import Inspection, inspect
from rehearsal.leftovers import Left, left_behind
from rehearsal.progress import Progress
from rehearsal.releases import running
from rehearsal.result import Rehearsal, by_type

_STACK_DONE = re.compile(r"^\s*✅\s+(?!Environment )(\S+)")


@dataclass(frozen=True)
class Plan:
    """What to rehearse, and with what."""

    cli: CdkCli
    releases: Path
    released: tuple[tuple[str, Manifest], ...]  # stage, what it runs
    assembly: Path | None = None  # None: synthesize one
    stage: str | None = None  # None: all of them
    port: int = 0  # 0: any free one
    digest: str = ""


def rehearse(plan: Plan, progress: Progress) -> Rehearsal:
    """Deploy to an emulator of our own, read back, compare, destroy, look again.

    Raises CommandError when the CLI cannot deploy or destroy the stacks, and
    RehearsalError when something else kept the rehearsal from taking place.
    """
    with (
        TemporaryDirectory(prefix="lathe-rehearsal-") as temporary,
        start_emulator(Path(temporary), plan.port) as account,
    ):
        environment = account.environment(Path(temporary))
        assembly = plan.assembly or Path(temporary, "assembly")
        if plan.assembly is None:
            _synthesize(plan, environment, assembly, progress)
        stacks = _selected(read_assembly(assembly), plan.stage)
        every = f"{plan.stage}/*" if plan.stage else "--all"

        def cdk(name: str, *arguments: str) -> None:
            with progress.step(name, shlex.join(("cdk", name, *arguments))):
                given = (name, *arguments, "--app", str(assembly))
                plan.cli.run(given, environment, _telling(progress))

        try:
            cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}")
        except CommandError as error:
            raise RehearsalError(str(error)) from error
        cdk("deploy", every, "--require-approval", "never")
        with progress.step("read back", "read back what exists, property by property"):
            inspections = tuple(inspect(account, stack) for stack in stacks)
        cdk("destroy", every, "--force")
        with progress.step("look again", "look for what is left"):
            left = left_behind(account, inspections)
    return _result(plan, inspections, left, progress)


def _synthesize(
    plan: Plan, environment: Mapping[str, str], assembly: Path, progress: Progress
) -> None:
    """Synthesize with this interpreter, whatever cdk.json calls `python3`."""
    # The templates' own rules are checked where they are made; here it costs seconds.
    quick = {**environment, "CDK_VALIDATION": "false"}
    arguments = (
        "--quiet",
        "-c",
        f"releases={plan.releases}",
        "--output",
        str(assembly),
    )
    with progress.step("synthesize", f"cdk synth -c releases={plan.releases}"):
        try:
            plan.cli.run(
                ("synth", *arguments, "--app", f"{sys.executable} app.py"), quick
            )
        except CommandError as error:
            raise RehearsalError(str(error)) from error


def _selected(stacks: tuple[Stack, ...], stage: str | None) -> tuple[Stack, ...]:
    stages = sorted({stack.stage for stack in stacks})
    if stage is not None and stage not in stages:
        raise RehearsalError(f"stage: {stage!r} is not one of {', '.join(stages)}")
    selected = tuple(stack for stack in stacks if stage in (None, stack.stage))
    ours = {f"aws://{account}/{REGION}" for account in (ACCOUNT, "unknown-account")}
    for stack in selected:
        if stack.environment not in ours:
            raise RehearsalError(
                f"{stack.path}: {stack.environment} is not the account that a rehearsal "
                f"has: {' or '.join(sorted(ours))}"
            )
    return selected


def _telling(progress: Progress) -> Callable[[str], None]:
    def tell(line: str) -> None:
        if found := _STACK_DONE.match(line):
            progress.note(f"  {found[1]}")

    return tell


def _result(
    plan: Plan, inspections: tuple[Inspection, ...], left: Left, progress: Progress
) -> Rehearsal:
    released = [pair for pair in plan.released if plan.stage in (None, pair[0])]
    images = {image: arn for seen in inspections for image, arn in seen.images.items()}
    releases, missing = running(released, images)
    checked = tuple(item for seen in inspections for item in seen.checked)
    found = [finding for item in checked for finding in item.findings]
    return Rehearsal(
        digest=plan.digest,
        stacks=tuple(seen.stack.name for seen in inspections),
        types=by_type(checked),
        releases=releases,
        retained=left.retained,
        removed=left.removed,
        findings=(*found, *missing, *left.findings),
        seconds=progress.seconds,
    )
