"""What stacks call each other by: a name that is read must be a name that is given."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from checks.deployed import Deployed
from checks.finding import Finding
from checks.wiring.services import SERVICE, TASK

_WRITTEN_BY_OTHERS = ("/cdk-bootstrap/", "/aws/service/")
_IMAGE = re.compile(r"(?:amazonaws\.com|<AWS::URLSuffix>)/(?P<name>[^:@]+)[:@]")


def parameters_that_are_read_are_written(deployed: Deployed) -> Iterator[Finding]:
    written = {part.get("Name") for part in deployed.of("AWS::SSM::Parameter")}
    for stack in deployed.assembly.stacks:
        for name, parameter in stack.template.section("Parameters").items():
            wanted = str(parameter.get("Default"))
            if (
                not str(parameter.get("Type")).startswith("AWS::SSM::Parameter::Value")
                or wanted.startswith(_WRITTEN_BY_OTHERS)
                or wanted in written
            ):
                continue
            yield Finding(
                stack.name,
                name,
                name,
                "wiring",
                "unwritten-parameter",
                "Default",
                f"{wanted}: no stack of the assembly writes this parameter",
            )


def images_come_from_our_repositories(deployed: Deployed) -> Iterator[Finding]:
    """An image of a repository that nobody made is one that nobody can push."""
    made = {part.get("RepositoryName") for part in deployed.of("AWS::ECR::Repository")}
    for task in deployed.of(TASK):
        for container in task.items("ContainerDefinitions"):
            image = str(container.get("Image"))
            match = _IMAGE.search(image)
            if ".dkr.ecr." in image and (match is None or match["name"] not in made):
                says = f"{image}: no stack makes this repository"
                yield task.wrong("no-repository", "ContainerDefinitions.Image", says)


def services_run_in_a_cluster_of_their_stage(deployed: Deployed) -> Iterator[Finding]:
    made = {(c.stage, c.get("ClusterName")) for c in deployed.of("AWS::ECS::Cluster")}
    for service in deployed.of(SERVICE):
        name = service.get("Cluster")
        own = deployed.named(name, "AWS::ECS::Cluster")
        if own is None and (service.stage, name) not in made:
            says = f"{name}: stage {service.stage} has no such cluster"
            yield service.wrong("no-cluster", "Cluster", says)


def alarms_that_roll_back_exist(deployed: Deployed) -> Iterator[Finding]:
    """ECS takes any name, and then never rolls back."""
    made = {
        (each.stack, each.get("AlarmName"))
        for each in deployed.of(
            "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"
        )
    }
    for service in deployed.of(SERVICE):
        for name in service.items("DeploymentConfiguration.Alarms.AlarmNames"):
            own = deployed.named(name, "AWS::CloudWatch::Alarm")
            if own is None and (service.stack, name) not in made:
                says = f"{name}: its stack has no such alarm"
                yield service.wrong(
                    "no-alarm", "DeploymentConfiguration.Alarms.AlarmNames", says
                )


def nothing_is_exported(deployed: Deployed) -> Iterator[Finding]:
    """An export locks two stacks together; ours know each other by name."""
    for stack in deployed.assembly.stacks:
        for name, output in stack.template.section("Outputs").items():
            if "Export" in output:
                says = f"{output['Export']}: write an SSM parameter instead"
                yield _of(stack.name, name, "export", "Export", says)
        if "Fn::ImportValue" in json.dumps(stack.template.body):
            says = "Fn::ImportValue: read an SSM parameter instead"
            yield _of(stack.name, "", "import", "", says)


def nothing_runs_while_it_is_deployed(deployed: Deployed) -> Iterator[Finding]:
    """A Lambda-backed custom resource is code that a deploy waits for, and may hang on."""
    for part in deployed.parts:
        if part.type.startswith(("Custom::", "AWS::CloudFormation::CustomResource")):
            yield part.wrong("custom-resource", "Type", f"{part.type}: none is wanted")


def _of(stack: str, name: str, rule: str, name_of: str, says: str) -> Finding:
    return Finding(stack, name, name, "wiring", rule, name_of, says)
