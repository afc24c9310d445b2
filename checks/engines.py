"""CloudFormation's own rules and our Guard rules, by the engine that CDK carries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import aws_cdk as cdk
import jsii
from constructs import IConstruct

from checks.deployed import Deployed
from checks.finding import Finding
from costs.assembly import Stack

GUARD = Path(__file__).parent / "guard"


@jsii.implements(cdk.IPolicyValidationContext)
class Judged:
    """What a validation plugin is told: templates, and the tree they came from."""

    def __init__(self, app: cdk.App, stacks: Sequence[cdk.PolicyValidationStack]):
        self._app, self._stacks = app, list(stacks)

    @property
    def app_construct(self) -> IConstruct:
        return self._app

    @property
    def stack_templates(self) -> list[cdk.PolicyValidationStack]:
        return self._stacks

    @property
    def template_paths(self) -> list[str]:
        return [stack.template_path for stack in self._stacks]

    @property
    def account_id(self) -> None:
        return None

    @property
    def region(self) -> None:
        return None


def cloudformation(deployed: Deployed) -> Iterator[Finding]:
    """Yield what CloudFormation's schemas and our Guard rules find, template by template."""
    rules = [
        cdk.ValidationRuleSource(name=path.name, content=path.read_text())
        for path in sorted(GUARD.glob("*.guard"))
    ]
    names = {
        name.partition(" ")[0]
        for rule in rules
        for name in rule.content.split("\nrule ")[1:]
    }
    plugin = cdk.CloudFormationValidatePlugin(guard_rules=rules)
    stacks = {
        str(deployed.templates[stack.name]): stack for stack in deployed.assembly.stacks
    }
    context = Judged(
        cdk.App(analytics_reporting=False),
        [
            cdk.PolicyValidationStack(
                stack_construct_path=stack.name, template_path=path, region=stack.region
            )
            for path, stack in stacks.items()
        ],
    )
    for violation in plugin.validate(context).violations:
        tool = "guard" if violation.rule_name in names else "cloudformation"
        for found in violation.violating_resources:
            yield _finding(stacks[str(found.template_path)], tool, violation, found)


def _finding(
    stack: Stack,
    tool: str,
    violation: cdk.PolicyViolation,
    found: cdk.PolicyViolatingResource,
) -> Finding:
    logical_id = found.resource_logical_id or ""
    field = (found.locations or [""])[0].removeprefix("Properties.")
    says = violation.description.removeprefix(f"{field}: ")
    return Finding(
        stack.name,
        stack.paths.get(logical_id, logical_id),
        logical_id,
        tool,
        violation.rule_name,
        field,
        says,
    )
