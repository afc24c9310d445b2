"""The phases that stacks go through: made, updated, failed, restored and destroyed."""

from __future__ import annotations

import re
import shlex
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from rehearsal.account import Account, RehearsalError
from rehearsal.cdk import CdkCli, CommandError
from rehearsal.changes import changes
from rehearsal.inspection import Inspection, inspect
from rehearsal.leftovers import Left, left_behind
from rehearsal.prediction import Served, others, predict, serving
from rehearsal.prerequisites import bake, make_secrets
from rehearsal.progress import Progress
from rehearsal.releases import Released, running
from rehearsal.result import Finding, Phase, Rehearsal, Release, by_type
from rehearsal.synthesis import DELIVERY, Assembly

ROLLED_BACK = "UPDATE_ROLLBACK_COMPLETE"
_STACK_DONE = re.compile(r"^\s*✅\s+(?!Environment )(\S+)")
_REASON = re.compile(r"\b[\w ]+Error: .*|ECS Deployment.*")


@dataclass(frozen=True)
class Generation:
    """One set of releases, and the stacks that run it."""

    released: tuple[Released, ...]
    assembly: Assembly


@dataclass
class Shown:
    """What a phase has shown so far, and what was not as it should be."""

    lines: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


@dataclass
class Life:
    """Plays the phases in order, and keeps what each has shown."""

    cli: CdkCli
    account: Account
    home: Path
    progress: Progress
    lasting: ExitStack  # what ends with the rehearsal: servers
    model: Path | None  # the artifact that answers; None: no prediction
    phases: list[Phase] = field(default_factory=list)
    created: tuple[Inspection, ...] = ()  # after the first deployment of releases
    now: tuple[Inspection, ...] = ()  # as last read back
    releases: tuple[Release, ...] = ()
    left: Left = field(default_factory=lambda: Left((), 0, ()))
    done: set[str] = field(default_factory=set)  # paths of stacks, by the last command
    served: dict[str, Served] = field(default_factory=dict)  # version -> its server

    @contextmanager
    def phase(self, name: str) -> Iterator[Shown]:
        """Time a phase, and keep what it shows."""
        shown = Shown()
        self.progress.note(name)
        start = time.monotonic()
        yield shown
        seconds = round(time.monotonic() - start, 1)
        lines, findings = tuple(shown.lines), tuple(shown.findings)
        self.phases.append(Phase(name, seconds, lines, findings))

    def bootstrap(self, first: Generation) -> None:
        """Bootstrap every account and region that a stack names.

        Raises RehearsalError: without it nothing can be rehearsed.
        """
        there = {self.account.at(s.environment) for s in first.assembly.stacks}
        with self.phase("bootstrap") as shown:
            for account in sorted(there, key=str):
                where = f"aws://{account.id}/{account.region}"
                try:
                    self._cdk(first, "bootstrap", where, account=account)
                except CommandError as error:
                    raise RehearsalError(str(error)) from error
                shown.lines.append(where)

    def begin(self, empty: Generation | None, later: tuple[Generation, ...]) -> None:
        """Deploy what needs no release; then bake the images of the later releases.

        With an assembly of no releases that is everything: each endpoint waits for its
        first build. Without one it is delivery.
        """
        stacks = later[0].assembly.stacks
        with self.phase("begin") as shown:
            if empty:
                self._deploy(empty)
                self._read_back(empty, shown)
            elif any(stack.stage == DELIVERY for stack in stacks):
                self._cdk(later[0], "deploy", f"{DELIVERY}/*", *_UNASKED)
            for name in make_secrets(self.account, stacks):
                shown.lines.append(f"made by hand: secret {name}")
            released = [each for one in later for each in one.released]
            bake(self.account, stacks, [each.manifest for each in released])

    def create(self, first: Generation) -> None:
        """Deploy the first releases, and read everything back."""
        with self.phase("create") as shown:
            self._deploy(first)
            self.created = self._read_back(first, shown)
            self.releases = self._running(first, shown)
            self._predict(first, shown)

    def update(self, next_one: Generation, name: str = "update") -> None:
        """Deploy other releases: only what they ask for may change."""
        before = self.now
        with self.phase(name) as shown:
            self._deploy(next_one)
            after = self._read_back(next_one, shown)
            self._running(next_one, shown)
            self._changed(before, after, shown)
            self._predict(next_one, shown)

    def fail(self, third: Generation, second: Generation) -> None:
        """Deploy releases that nobody baked: the CLI fails, and the second run on.

        Stacks that the CLI had done before it failed stay as the third asks.
        """
        before = self.now
        with self.phase("fail") as shown:
            try:
                self._deploy(third)
                shown.findings.append(_differs("exit code", "not 0", 0))
            except CommandError as error:
                why = _REASON.search(str(error))
                shown.lines.append(f"refused: {why[0] if why else error}")
            left = self._left_after_failure(third, second)
            after = self._read_back(left, shown)
            rolled = [i.stack.name for i in after if i.status == ROLLED_BACK]
            shown.lines.append(f"rolled back: {', '.join(rolled) or 'nothing'}")
            if not rolled:
                found = sorted({each.status for each in after})
                shown.findings.append(_differs("a stack's status", ROLLED_BACK, found))
            self._running(left, shown)
            self._changed(before, after, shown)
            self._predict(left, shown)

    def _left_after_failure(self, third: Generation, second: Generation) -> Generation:
        """The second, but for the stacks that the CLI had done."""
        new = {s.path: s for s in third.assembly.stacks if s.path in self.done}
        stacks = tuple(new.get(each.path, each) for each in second.assembly.stacks)
        return replace(second, assembly=replace(second.assembly, stacks=stacks))

    def destroy(self, last: Generation) -> None:
        """Destroy all, and look for what is left."""
        with self.phase("destroy") as shown:
            self._cdk(last, "destroy", *last.assembly.patterns, "--force")
            self.left = left_behind(self.account, self.now)
            shown.findings += self.left.findings
            shown.lines.append(f"{self.left.removed} resources gone")

    def result(self, digest: str) -> Rehearsal:
        checked = tuple(item for seen in self.created for item in seen.checked)
        return Rehearsal(
            digest=digest,
            stacks=tuple(seen.stack.name for seen in self.created),
            types=by_type(checked),
            releases=self.releases,
            retained=self.left.retained,
            removed=self.left.removed,
            phases=tuple(self.phases),
        )

    def _cdk(
        self, one: Generation, *arguments: str, account: Account | None = None
    ) -> None:
        """Run the CLI on an assembly. Raises CommandError if it exits with not 0."""
        self.progress.note(shlex.join(("cdk", *arguments)))
        environment = (account or self.account).environment(self.home)
        given = (*arguments, "--app", str(one.assembly.directory))
        self.done = set()
        self.cli.run(given, environment, self._tell)

    def _deploy(self, one: Generation) -> None:
        self._cdk(one, "deploy", *one.assembly.patterns, *_UNASKED)

    def _tell(self, line: str) -> None:
        if found := _STACK_DONE.match(line):
            self.progress.note(f"  {found[1]}")
            self.done.add(found[1])

    def _read_back(self, one: Generation, shown: Shown) -> tuple[Inspection, ...]:
        """Compare every resource with its template, property by property."""
        stacks = one.assembly.stacks
        self.now = tuple(inspect(self.account, stack) for stack in stacks)
        checked = [item for seen in self.now for item in seen.checked]
        read = sum(item.verdict == "read back" for item in checked)
        shown.lines.append(f"{read} of {len(checked)} resources read back as asked")
        shown.findings += [finding for item in checked for finding in item.findings]
        return self.now

    def _running(self, one: Generation, shown: Shown) -> tuple[Release, ...]:
        images: dict[str, dict[str, str]] = {}
        for seen in self.now:
            images.setdefault(seen.stack.stage, {}).update(seen.images)
        releases, missing = running(one.released, images)
        shown.findings += missing
        for version in sorted({r.image_tag for r in releases if r.task_definition}):
            shown.lines.append(f"running: {version}")
        return releases

    def _changed(
        self,
        before: tuple[Inspection, ...],
        after: tuple[Inspection, ...],
        shown: Shown,
    ) -> None:
        changed, unasked = changes(before, after)
        shown.findings += unasked
        kinds = Counter(item.resource.type for item in changed)
        listed = ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items()))
        total = sum(len(each.deployed) for each in after)
        same = total - len(changed)
        shown.lines.append(f"changed: {listed or 'nothing'}; {same} as they were")

    def _predict(self, one: Generation, shown: Shown) -> None:
        """Ask the endpoints of the artifact's model."""
        if self.model is None:
            shown.lines.append("no endpoint was asked: no --model was given")
            return
        for manifest in {r.manifest.version: r.manifest for r in one.released}.values():
            if manifest.version not in self.served:
                directory = self.home / f"served-{manifest.version}"
                started = serving(self.model, manifest, directory)
                self.served[manifest.version] = self.lasting.enter_context(started)
            lines, findings = predict(
                self.account, self.now, self.served[manifest.version]
            )
            shown.lines += lines
            shown.findings += findings
        for name in others(self.now):
            shown.lines.append(f"{name} was not asked: it does not run flask's image")


_UNASKED = ("--require-approval", "never")


def _differs(what: str, expected: object, found: object) -> Finding:
    return Finding("all stacks", "cdk deploy", "command", what, expected, found)
