"""Whether a role may do what the thing that assumes it has to do.

Under-permission is found here; over-permission is what rule packs look for.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Mapping
from typing import Any

from checks.deployed import Deployed, Part
from checks.finding import Finding
from checks.wiring.services import SERVICE, TASK

ROLE = "AWS::IAM::Role"
PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
WRITE_LOG = ("logs:CreateLogStream", "logs:PutLogEvents")
_REPOSITORY = re.compile(r"amazonaws\.com/|<AWS::URLSuffix>/")


def tasks_may_start(deployed: Deployed) -> Iterator[Finding]:
    """The execution role pulls the image, writes the log and reads the secrets."""
    for task in deployed.of(TASK):
        role = deployed.named(task.get("ExecutionRoleArn"), ROLE)
        if role is None:
            yield task.wrong(
                "no-execution-role", "ExecutionRoleArn", "no role of ours is named"
            )
            continue
        for container in task.items("ContainerDefinitions"):
            for action, resource in _needs(container):
                if not allows(role, action, resource, deployed):
                    yield role.wrong(
                        "missing-permission",
                        "Policies",
                        f"not allowed {action} on {resource},"
                        f" which container {container.get('Name')} needs to start",
                    )


def hooks_may_be_called(deployed: Deployed) -> Iterator[Finding]:
    """ECS assumes a role to invoke a lifecycle hook; without it the rollout fails."""
    for service in deployed.of(SERVICE):
        for hook in service.items("DeploymentConfiguration.LifecycleHooks"):
            target = hook.get("HookTargetArn")
            function = deployed.named(target, "AWS::Lambda::Function")
            name = "DeploymentConfiguration.LifecycleHooks"
            if function is None:
                yield service.wrong("no-hook", name, f"{target}: no function of ours")
                continue
            role = deployed.named(hook.get("RoleArn"), ROLE)
            if role is None or not allows(
                role, "lambda:InvokeFunction", target, deployed
            ):
                says = f"{hook.get('RoleArn')} may not invoke {function.logical_id}"
                yield service.wrong("hook-permission", name, says)


def builds_may_write_their_logs(deployed: Deployed) -> Iterator[Finding]:
    """A CodeBuild project that cannot write its log fails before its first phase."""
    for project in deployed.of("AWS::CodeBuild::Project"):
        role = deployed.named(project.get("ServiceRole"), ROLE)
        group = deployed.named(
            project.get("LogsConfig.CloudWatchLogs.GroupName"), "AWS::Logs::LogGroup"
        )
        if role is None or group is None:
            continue
        arn = f"<{group.stack}.{group.logical_id}.Arn>"
        for action in WRITE_LOG:
            if not allows(role, action, arn, deployed):
                yield role.wrong(
                    "missing-permission",
                    "Policies",
                    f"not allowed {action} on {arn}, which {project.logical_id} needs",
                )


def functions_log_where_they_may(deployed: Deployed) -> Iterator[Finding]:
    """A function's own log group, with its retention, and the right to write there."""
    for function in deployed.of("AWS::Lambda::Function"):
        role = deployed.named(function.get("Role"), ROLE)
        group = deployed.named(
            function.get("LoggingConfig.LogGroup"), "AWS::Logs::LogGroup"
        )
        if group is None:
            says = "not set: its log would be a group without retention"
            yield function.wrong("no-log-group", "LoggingConfig.LogGroup", says)
        elif role is None or not _managed(role, "AWSLambda"):
            arn = f"<{group.stack}.{group.logical_id}.Arn>"
            for action in WRITE_LOG:
                if role is None or not allows(role, action, arn, deployed):
                    says = f"may not {action} on {group.logical_id}"
                    yield function.wrong("missing-permission", "Role", says)


def keys_are_named_by_alias(deployed: Deployed) -> Iterator[Finding]:
    """A key whose id nobody knows is one key, and not all, by a condition on its alias."""
    for role in deployed.of(ROLE):
        for each in statements(role, deployed):
            every = [
                r
                for r in _listed(each.get("Resource", []))
                if str(r).endswith(":key/*")
            ]
            aliases = "kms:ResourceAliases" in str(each.get("Condition", {}))
            if each.get("Effect") == "Allow" and every and not aliases:
                says = f"{every[0]} without a condition on kms:ResourceAliases"
                yield role.wrong("key-by-alias", "Policies", says)


def statements(role: Part, deployed: Deployed) -> Iterator[Mapping[str, Any]]:
    """Every statement of a role: inline, and of policies that name it."""
    documents = [each.get("PolicyDocument", {}) for each in role.items("Policies")]
    for policy in deployed.of(
        "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"
    ):
        named = [*policy.items("Roles"), policy.get("RoleName")]
        attached = any(policy.names(arn) for arn in role.items("ManagedPolicyArns"))
        if attached or any(role.names(each) for each in named):
            documents.append(policy.get("PolicyDocument", {}))
    for document in documents:
        yield from _listed(document.get("Statement", []))


def allows(role: Part, action: str, resource: Any, deployed: Deployed) -> bool:
    """Tell whether a statement allows it, conditions taken as met; Deny is not read."""
    return any(
        each.get("Effect") == "Allow"
        and _matches(action, each.get("Action", []))
        and _matches(str(resource), each.get("Resource", []))
        for each in statements(role, deployed)
    )


def _needs(container: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    image = str(container.get("Image"))
    parts = _REPOSITORY.split(image)
    if ".dkr.ecr." in image and len(parts) == 2:
        account, _, region = parts[0].rstrip(".").partition(".dkr.ecr.")
        name = re.split(r"[:@]", parts[1])[0]
        yield "ecr:GetAuthorizationToken", "*"
        for action in PULL:
            yield action, f"arn:aws:ecr:{region}:{account}:repository/{name}"
    log = container.get("LogConfiguration", {})
    if log.get("LogDriver") == "awslogs":
        group = str(log.get("Options", {}).get("awslogs-group"))
        for action in WRITE_LOG:
            yield action, group.replace(">", ".Arn>")
    for secret in container.get("Secrets", []):
        yield "secretsmanager:GetSecretValue", secret.get("ValueFrom")


def _matches(value: str, patterns: Any) -> bool:
    return any(
        fnmatch.fnmatchcase(value, str(pattern).replace("[", "[[]"))
        for pattern in _listed(patterns)
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _managed(role: Part, name: str) -> bool:
    return any(name in str(arn) for arn in role.items("ManagedPolicyArns"))
