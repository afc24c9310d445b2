"""cfn-lint: what CloudFormation itself would refuse, by resource type."""

from __future__ import annotations

from collections.abc import Iterator

from cfnlint.api import ManualArgs, lint_by_config
from cfnlint.match import Match

from checks.deployed import Deployed
from checks.finding import Finding
from costs.assembly import Stack


def lint(deployed: Deployed) -> Iterator[Finding]:
    """Yield every error and warning, each stack's in the region that it names."""
    for region in sorted({stack.region for stack in deployed.assembly.stacks}):
        stacks = {
            str(deployed.templates[stack.name]): stack
            for stack in deployed.assembly.stacks
            if stack.region == region
        }
        for match in lint_by_config(
            ManualArgs(templates=list(stacks), regions=[region])
        ):
            yield _finding(stacks[str(match.filename)], match)


def _finding(stack: Stack, match: Match) -> Finding:
    path = [str(part) for part in getattr(match, "path", None) or ()]
    logical_id = path[1] if path[:1] == ["Resources"] and len(path) > 1 else ""
    field = ".".join(path[3:] if path[2:3] == ["Properties"] else path[2:])
    where = stack.paths.get(logical_id, logical_id)
    return Finding(
        stack.name, where, logical_id, "cfn-lint", match.rule.id, field, match.message
    )
