"""cdk-nag's rule packs, which ask constructs, asked about templates.

Each template is read back into a tree of constructs, so that any assembly can be judged
long after it was synthesized. Nothing is synthesized here.
"""

from __future__ import annotations

from collections.abc import Iterator

import aws_cdk as cdk
from aws_cdk import cloudformation_include as include
from cdk_nag import AwsSolutionsChecks, NIST80053R5Checks

from checks.deployed import Deployed
from checks.engines import Judged
from checks.finding import Finding

_INCLUDED = "Template"


class Tree:
    """An assembly as constructs again, and what the packs say of them."""

    def __init__(self, deployed: Deployed) -> None:
        self._app = cdk.App(analytics_reporting=False)
        self._unread: list[Finding] = []
        self._stacks = {stack.name: stack for stack in deployed.assembly.stacks}
        for stack in deployed.assembly.stacks:
            scope = cdk.Stack(
                self._app, stack.name, env=cdk.Environment(region=stack.region)
            )
            try:
                include.CfnInclude(
                    scope, _INCLUDED, template_file=str(deployed.templates[stack.name])
                )
            except RuntimeError as error:  # jsii's: a reference to nothing, and such
                self._unread.append(
                    Finding(stack.name, "", "", "cdk-nag", "unread", "", str(error))
                )

    def packs(self) -> Iterator[Finding]:
        """Yield what AwsSolutions and NIST 800-53 r5 find, evidence in the rule's name."""
        yield from self._unread
        context = Judged(self._app, [])
        for pack in (AwsSolutionsChecks(self._app), NIST80053R5Checks(self._app)):
            for violation in pack.validate(context).violations:
                for found in violation.violating_resources:
                    name, logical_id = _of(str(found.construct_path))
                    yield Finding(
                        name,
                        self._stacks[name].paths.get(logical_id, logical_id),
                        logical_id,
                        "cdk-nag",
                        violation.rule_name,
                        "",
                        violation.description,
                    )

    def taggable(self) -> frozenset[str]:
        """Return the types that CDK, by the schema it is made from, can tag."""
        return frozenset(
            node.cfn_resource_type
            for node in self._app.node.find_all()
            if isinstance(node, cdk.CfnResource) and cdk.TagManager.of(node) is not None
        )


def _of(path: str) -> tuple[str, str]:
    """Return stack and logical id of a construct that was read back."""
    stack, _, logical_id = path.partition(f"/{_INCLUDED}/")
    return stack, logical_id
