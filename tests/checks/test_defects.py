"""Each check can fail: a defect is planted in a sound assembly, and is named.

Defects are judged together: one assembly whose stacks are the spoilt templates, so that
60 of them cost what a few do. What holds two stacks together is asked of the whole.
"""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checks.acknowledgements import ACKNOWLEDGED
from checks.deployed import Deployed, read
from checks.engines import cloudformation
from checks.finding import Finding
from checks.judgement import judge
from checks.lint import lint
from checks.packs import Tree
from checks.wiring import wiring
from checks.wiring.tags import tagged
from tests.checks.defects import DEFECTS, Defect

TABLE = Path(__file__).parents[2] / "docs" / "checks.md"
START, END = "<!-- defects -->\n", "\n<!-- /defects -->"
TOOLS = ("wiring", "guard", "cdk-nag", "cloudformation", "cfn-lint")

Seen = set[tuple[str, str, str, str]]  # tool, rule, resource and what is said


def seen(findings: Iterable[Finding]) -> Seen:
    return {(each.tool, each.rule, each.resource, each.says) for each in findings}


def spoil(assembly: Path, defect: Defect) -> tuple[Path, str]:
    """Plant a defect; return the spoilt file, and what it was."""
    artifact = artifact_of(assembly, defect.stack)
    path = assembly / artifact["properties"]["templateFile"]
    sound = path.read_text()
    template = json.loads(sound)
    defect.plant(template)
    assert template != json.loads(sound), defect.name
    path.write_text(json.dumps(template))
    return path, sound


def artifact_of(assembly: Path, stack: str) -> dict[str, Any]:
    artifacts = json.loads((assembly / "manifest.json").read_text())["artifacts"]
    found: dict[str, Any] = next(
        each
        for each in artifacts.values()
        if each.get("properties", {}).get("stackName") == stack
    )
    return found


def together(assembly: Path, out: Path) -> Path:
    """Write an assembly with one stack a defect, named by its number."""
    shutil.copytree(assembly, out)
    artifacts = {}
    for number, defect in enumerate(DEFECTS):
        artifact = copy.deepcopy(artifact_of(assembly, defect.stack))
        path, sound = spoil(out, defect)
        spoilt = f"defect{number}.template.json"
        (out / spoilt).write_text(path.read_text())
        path.write_text(sound)
        artifact["properties"] |= {"templateFile": spoilt, "stackName": f"d{number}"}
        artifacts[f"d{number}"] = artifact
    (out / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    return out


def some(spoilt: Deployed) -> Deployed:
    """What cfn-lint is said to see: it takes a second a template, the others none.

    All are linted when the table is written.
    """
    said = [row.rsplit("|", 2)[1].strip() for row in written() if row.startswith("| ")]
    stacks = tuple(
        stack
        for stack in spoilt.assembly.stacks
        if said[1 + int(stack.name[1:])] == "yes"
    )
    return replace(spoilt, assembly=replace(spoilt.assembly, stacks=stacks))


def written() -> list[str]:
    """Return the lines of the table."""
    text = TABLE.read_text()
    return text.partition(START)[2].partition(END)[0].splitlines()


def of_one(deployed: Deployed, taggable: frozenset[str]) -> list[Finding]:
    return [*wiring(deployed), *tagged(deployed, taggable)]


@pytest.fixture(scope="module")
def caught(
    shown: Path,
    deployed: Deployed,
    findings: list[Finding],
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> dict[str, Seen]:
    """What each defect adds to what is found in the sound assembly."""
    folder = tmp_path_factory.mktemp("defects")
    spoilt = read(together(shown, folder / "together"))
    tree = Tree(spoilt)
    by_stack: dict[str, list[Finding]] = {}
    linted = lint(
        spoilt if request.config.getoption("--write-golden") else some(spoilt)
    )
    for finding in (*tree.packs(), *cloudformation(spoilt), *linted):
        by_stack.setdefault(finding.stack, []).append(finding)
    one = shutil.copytree(shown, folder / "one")
    taggable = tree.taggable()
    result = {}
    for number, defect in enumerate(DEFECTS):
        before = seen(each for each in findings if each.stack == defect.stack)
        path, sound = spoil(one, defect)
        wired = of_one(read(one), taggable)
        path.write_text(sound)
        sound_wiring = seen(each for each in findings if each.tool == "wiring")
        result[defect.name] = (seen(by_stack.get(f"d{number}", [])) - before) | (
            seen(wired) - sound_wiring
        )
    return result


def test_the_assembly_is_sound_before(findings: list[Finding]) -> None:
    assert judge(findings, ACKNOWLEDGED).open == ()


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_planted_defect_is_named_by_the_check_that_is_there_for_it(
    defect: Defect, caught: dict[str, Seen]
) -> None:
    rules = {f"{tool} {rule}" for tool, rule, _, _ in caught[defect.name]}
    assert defect.by in rules


def test_an_acknowledgement_hides_no_planted_defect(caught: dict[str, Seen]) -> None:
    """What is kept is kept at its place; the rule that is there for a defect is not."""
    for defect in DEFECTS:
        tool, _, rule = defect.by.partition(" ")
        named = [
            Finding(defect.stack, resource, resource, tool, rule, "", says)
            for each, found, resource, says in caught[defect.name]
            if (each, found) == (tool, rule)
        ]
        assert judge(named, ACKNOWLEDGED).open, defect.name


def test_the_table_says_which_tool_sees_what(
    caught: dict[str, Seen], request: pytest.FixtureRequest
) -> None:
    """Written by `pytest tests/checks --write-golden`."""
    table = "\n".join(rows(caught))
    if request.config.getoption("--write-golden"):
        head, _, rest = TABLE.read_text().partition(START)
        TABLE.write_text(head + START + table + END + rest.partition(END)[2])
    assert "\n".join(written()) == table


def rows(caught: dict[str, Seen]) -> Iterable[str]:
    yield f"| planted defect | {' | '.join(TOOLS)} |"
    yield f"|---{'|---' * len(TOOLS)}|"
    for defect in DEFECTS:
        tools = {tool for tool, *_ in caught[defect.name]}
        cells = ("yes" if tool in tools else "" for tool in TOOLS)
        yield f"| {defect.name} | {' | '.join(cells)} |"
