"""Say what a change does: the model's figures, the resources, the dollars a month."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from costs.assembly import Assembly, AssemblyError, Stack
from costs.bill import bill
from costs.book import PriceError
from costs.diff import Difference, difference
from costs.markdown import diff_markdown
from costs.reading import read_assembly
from costs.usage import Usage
from stacks.commands.checkout import CommandError
from stacks.commands.decision import decision
from stacks.configured import configured
from stacks.settings.checked import ConfigError
from stacks.settings.deployment import Deployment

EPILOG = """\
examples:
  python -m stacks review old new --stage dev                      for a pull request
  python -m stacks review old new --report dist/report.json        with the model's figures
  python -m stacks review old new --stage prod --summary           a sentence, to approve

OLD and NEW are assemblies; `python -m stacks deployed` writes the one that runs.
exit code: 0, 2 on an error
"""
MOST_SUMMARY = 900  # characters; an approval of CodePipeline holds 1,000
_COLORS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Changed:
    """A stack that is not as it was, and what `cdk diff` says of it."""

    name: str
    what: str  # new, changed, gone
    diff: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Print markdown, or one sentence; return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        old, new = (_read(path, options.stage) for path in (options.old, options.new))
        before, after = (bill(each, Usage(), today=date.today()) for each in (old, new))
        money = difference(before, after)
        changes = list(changed(old, new, diff=not options.summary))
        note = _note(options.stage, configured())
        if options.summary:
            print(_summary(options.stage, changes, money, note))
            return 0
        report = options.report and _report(options.report)
        print(_markdown(options.stage, changes, money, report, note), end="")
    except (ConfigError, CommandError, AssemblyError, PriceError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _read(directory: Path, stage: str | None) -> Assembly:
    """Read an assembly; of what is not deployed yet there are no stacks."""
    manifest = directory / "manifest.json"
    try:
        artifacts = json.loads(manifest.read_text(encoding="utf-8"))["artifacts"]
    except (OSError, ValueError, KeyError) as error:
        raise CommandError(f"{directory}: is no assembly: {error}") from None
    if not any("cloudformation" in artifact["type"] for artifact in artifacts.values()):
        return Assembly(directory, ())
    found = read_assembly(directory)
    return found.stage(stage) if stage else found


def changed(old: Assembly, new: Assembly, *, diff: bool) -> Iterator[Changed]:
    """Yield the stacks whose templates differ, in order; with `diff`, and how."""
    before = {stack.name: stack for stack in old.stacks}
    for stack in new.stacks:
        earlier = before.pop(stack.name, None)
        if earlier and earlier.template.body == stack.template.body:
            continue
        said = _cdk_diff(old.directory, new.directory, stack, earlier) if diff else ""
        yield Changed(stack.name, "changed" if earlier else "new", said)
    for name in before:
        yield Changed(name, "gone", "")


def _cdk_diff(old: Path, new: Path, stack: Stack, earlier: Stack | None) -> str:
    """Ask the real CLI, offline, which resources change and which are replaced."""
    id_, file = _artifact(new, stack.name)
    template = old / file
    if earlier is None:
        template.write_text("{}")
    command = ["cdk", "diff", id_, "--exclusively", "--app", str(new)]
    try:
        done = subprocess.run(
            [*command, "--template", str(template), "--no-color"],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise CommandError(
            "cdk: no such program; put node_modules/.bin on PATH"
        ) from None
    if done.returncode:
        raise CommandError(f"cdk diff {stack.name}: {done.stderr.strip()}")
    return _COLORS.sub("", done.stdout + done.stderr).strip()


def _artifact(directory: Path, name: str) -> tuple[str, str]:
    """Return the id and the template of a stack."""
    manifest = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
    for id_, artifact in manifest["artifacts"].items():
        properties = artifact.get("properties", {})
        if properties.get("stackName", id_) == name and "templateFile" in properties:
            return str(artifact.get("displayName", id_)), properties["templateFile"]
    raise CommandError(f"{directory}: no stack {name}")


def _note(name: str | None, what: Deployment) -> str:
    """Return what a reader must know of stages that take releases by themselves."""
    stages = [stage for stage in what.stages if name in (None, stage.name)]
    named = ", ".join(stage.name for stage in stages if stage.auto_release)
    if not named:
        return ""
    return f"{named} runs the newest release that passed its gates, without a commit"


def _summary(
    stage: str | None, changes: Sequence[Changed], money: Difference, note: str
) -> str:
    """One sentence, for whoever approves: which stacks, how many dollars."""
    change, after = money.monthly, money.after.monthly
    dollars = (
        f"{change.expected:+,.2f} dollars a month expected ({change.minimum:+,.2f} to"
        f" {change.maximum:+,.2f}; then {after.expected:,.2f}, {after.minimum:,.2f} to"
        f" {after.maximum:,.2f})"
    )
    names = ", ".join(f"{each.name} ({each.what})" for each in changes)
    said = [f"{stage or 'all'}: {names or 'nothing changes'}", dollars]
    text = "; ".join([*said, *([note] if note else [])])
    return text if len(text) <= MOST_SUMMARY else f"{text[:MOST_SUMMARY]}..."


def _markdown(
    stage: str | None,
    changes: Sequence[Changed],
    money: Difference,
    report: Any,
    note: str,
) -> str:
    parts = [decision(report)] if report else []
    parts += [f"**{note}.**"] if note else []
    title = f"### Resources of {stage or 'all stages'}"
    count = f"{len(changes)} stacks change" if len(changes) != 1 else "1 stack changes"
    parts.append(f"{title}: {count if changes else 'no change'}")
    for each in changes:
        if each.diff:
            fence = f"```\n{each.diff}\n```"
            summary = f"<summary>{each.name} ({each.what})</summary>"
            parts.append(f"<details>{summary}\n\n{fence}\n\n</details>")
        else:
            parts.append(f"{each.name} ({each.what})")
    parts.append(diff_markdown(money, "Monthly cost").rstrip())
    return "\n\n".join(parts) + "\n"


def _report(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CommandError(f"{path}: is no report: {error}") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m stacks review",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("old", type=Path, help="what runs")
    parser.add_argument("new", type=Path, help="what cdk synth wrote")
    parser.add_argument("--stage", help="only this stage, or delivery")
    parser.add_argument("--report", type=Path, help="report.json of the model's build")
    parser.add_argument("--summary", action="store_true", help="one sentence only")
    return parser


if __name__ == "__main__":
    sys.exit(main())
