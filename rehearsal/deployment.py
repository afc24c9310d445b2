"""One rehearsal: an emulator of our own, the assemblies, and a life made of them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rehearsal.account import Account
from rehearsal.cdk import CdkCli
from rehearsal.emulator import start_emulator
from rehearsal.life import Generation, Life
from rehearsal.progress import Progress
from rehearsal.releases import Released, shown, successors, write_releases
from rehearsal.result import Rehearsal
from rehearsal.synthesis import select, synthesize


@dataclass(frozen=True)
class Plan:
    """What to rehearse, and with what."""

    cli: CdkCli
    released: tuple[Released, ...]
    assembly: Path | None = None  # None: synthesize, with the stage that shows all
    model: Path | None = None  # the artifact that answers; None: no prediction
    stages: tuple[str, ...] = ()  # (): all of them
    whole: bool = True  # False: created and destroyed only
    port: int = 0  # 0: any free one
    digest: str = ""


def rehearse(plan: Plan, progress: Progress) -> Rehearsal:
    """Live a life on an emulator of our own; nothing of it is left running.

    Raises CommandError when the CLI cannot do what a phase asks, and RehearsalError
    when something else kept the rehearsal from taking place.
    """
    with ExitStack() as lasting:
        home = lasting.enter_context(TemporaryDirectory(prefix="lathe-rehearsal-"))
        account = lasting.enter_context(start_emulator(Path(home), plan.port))
        life = Life(plan.cli, account, Path(home), progress, lasting, plan.model)
        with life.phase("synthesize") as shown:
            made = _generations(plan, account, Path(home))
            stacks = len(made["a"].assembly.stacks)
            shown.lines.append(f"{len(made)} times {stacks} stacks")
        life.bootstrap(made["a"])
        if "b" in made:
            life.begin(made["empty"], (made["a"], made["b"]))
            life.create(made["a"])
            life.update(made["b"])
            life.fail(made["c"], made["b"])
            life.update(made["a"], "restore")
        else:
            life.begin(made.get("empty"), (made["a"],))
            life.create(made["a"])
        life.destroy(made["a"])
        return life.result(plan.digest)


def _generations(plan: Plan, account: Account, home: Path) -> dict[str, Generation]:
    """Releases A; for a whole life also none, B, and C, which is never baked."""
    if plan.assembly:
        released = _of(plan.released, plan.stages)
        return {"a": Generation(released, select(plan.assembly, plan.stages))}
    first = shown(plan.released)
    each = {"a": first}
    if plan.whole:
        each["empty"] = ()
    if plan.whole and first:
        each |= {letter: successors(first, letter) for letter in ("b", "c")}
    folders = {
        name: write_releases(home / f"releases-{name}", released)
        for name, released in each.items()
    }
    made = synthesize(plan.cli, account.environment(home), folders, home)
    return {
        name: Generation(_of(released, plan.stages), select(made[name], plan.stages))
        for name, released in each.items()
    }


def _of(
    released: tuple[Released, ...], stages: tuple[str, ...]
) -> tuple[Released, ...]:
    return tuple(each for each in released if not stages or each.stage in stages)
