"""What all tools find in an assembly, and what of it nobody has acknowledged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from checks.acknowledgements import Acknowledgement
from checks.deployed import Deployed, read
from checks.engines import cloudformation
from checks.finding import Finding
from checks.lint import lint
from checks.packs import Tree
from checks.wiring import wiring
from checks.wiring.tags import tagged


@dataclass(frozen=True)
class Judgement:
    """`open` fails; `stale` are acknowledgements that nothing needs."""

    open: tuple[Finding, ...]
    acknowledged: tuple[tuple[Finding, Acknowledgement], ...]
    stale: tuple[Acknowledgement, ...]


def check(directory: Path) -> list[Finding]:
    """Return what every tool finds, sorted. Raises costs.assembly.AssemblyError."""
    return sorted(set(found(read(directory))))


def found(deployed: Deployed) -> Iterable[Finding]:
    tree = Tree(deployed)
    yield from wiring(deployed)
    yield from tagged(deployed, tree.taggable())
    yield from tree.packs()
    yield from cloudformation(deployed)
    yield from lint(deployed)


def judge(
    findings: Iterable[Finding], acknowledgements: Sequence[Acknowledgement]
) -> Judgement:
    """Lay each finding beside the first acknowledgement that covers it."""
    left: list[Finding] = []
    covered: list[tuple[Finding, Acknowledgement]] = []
    for finding in findings:
        by = next((each for each in acknowledgements if _covers(each, finding)), None)
        if by is None:
            left.append(finding)
        else:
            covered.append((finding, by))
    used = {by for _, by in covered}
    stale = tuple(each for each in acknowledgements if each not in used)
    return Judgement(tuple(left), tuple(covered), stale)


def _covers(acknowledgement: Acknowledgement, finding: Finding) -> bool:
    rule = f"{finding.tool} {finding.rule}"
    return bool(
        re.fullmatch(acknowledgement.rule, rule)
        and re.fullmatch(acknowledgement.where, finding.where)
    )
