"""What a woken person reads is short, and what it tells them to type is real."""

from __future__ import annotations

import re
import shlex
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any

import botocore.session
import jmespath
import pytest
from botocore import xform_name

from containers.queued import __main__ as queued
from costs import __main__ as costs
from stacks.__main__ import COMMANDS
from tests.stacks.conftest import of_type, template

ROOT = Path(__file__).parents[2]
OF_QUEUES = (
    "dead",
    "door",
    "late",
    "overdue",
)  # the alarms of an asynchronous endpoint
# The alarms of a serverless endpoint.
OF_FUNCTIONS = ("canary", "concurrency", "duration", "errors", "throttles")
RUNBOOKS = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
SECTIONS = ["Look", "Do", "Roll back"]

# Of the aws command itself, for every operation.
GLOBAL = {"cli-read-timeout", "output", "query", "region"}
# What the command calls by another name than the API.
SERVICES = {"deploy": "codedeploy"}
# Commands of its own, which are no operation of an API.
OWN = {("logs", "tail"): {"since", "follow"}}

every = pytest.mark.parametrize("book", RUNBOOKS, ids=lambda book: book.stem)


@pytest.fixture
def stack(
    book: Path,
    endpoint: dict[str, Any],
    queue: dict[str, Any],
    serverless: dict[str, Any],
    assembly: Path,
) -> dict[str, Any]:
    """The template that has the alarm of a runbook."""
    if book.stem == "job":
        return template(assembly, "demo-job-reviews")
    if book.stem in OF_FUNCTIONS:
        return serverless
    return queue if book.stem in OF_QUEUES else endpoint


def scripts(book: Path) -> list[str]:
    return re.findall(r"```sh\n(.*?)```", book.read_text(), re.DOTALL)


def commands(book: Path) -> list[list[str]]:
    """Every command of a page: in its scripts, and between backticks in its text."""
    text = book.read_text()
    inline = re.findall(r"`((?:aws|python|npx) [^`]+)`", text)
    lines = "\n".join(scripts(book)).replace("\\\n", " ")
    lines = re.sub(r"^\w+=\$\((.*?)\)$", r"\1", lines, flags=re.DOTALL | re.MULTILINE)
    whole = re.split(r"\n(?=\w)", lines) + inline
    return [shlex.split(each, comments=True) for each in whole if each.strip()]


def options(words: list[str]) -> dict[str, str]:
    """Options with what follows them, if anything does."""
    pairs = zip(words, [*words[1:], ""], strict=True)
    return {word[2:]: after for word, after in pairs if word.startswith("--")}


@every
def test_a_runbook_is_short_and_says_what_to_look_at_what_to_do_and_how_to_go_back(
    book: Path,
) -> None:
    lines = book.read_text().splitlines()
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 100
    assert [line[3:] for line in lines if line.startswith("## ")] == SECTIONS


@every
def test_its_scripts_are_bash(book: Path) -> None:
    for script in scripts(book):
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


@every
def test_its_aws_commands_are_operations_with_these_options(book: Path) -> None:
    session = botocore.session.get_session()
    for words in commands(book):
        if words[0] != "aws":
            continue
        service, operation = words[1:3]
        asked = options(words)
        if "query" in asked:
            jmespath.compile(asked["query"])
        if (service, operation) in OWN:
            assert asked.keys() <= OWN[service, operation]
            continue
        model: Any = session.get_service_model(SERVICES.get(service, service))
        by_name = {xform_name(n, "-"): n for n in model.operation_names}
        shape = model.operation_model(by_name[operation]).input_shape
        known = {xform_name(member, "-") for member in shape.members}
        flags = {f"no-{name}" for name in known}
        assert asked.keys() - GLOBAL <= known | flags, words
        missing = {xform_name(n, "-") for n in shape.required_members} - asked.keys()
        assert not missing, words


@every
def test_its_python_commands_are_ones_that_their_parsers_take(book: Path) -> None:
    for words in commands(book):
        if words[:2] != ["python", "-m"]:
            continue
        module, command, *rest = words[2:]
        if module == "stacks":
            assert command in COMMANDS
            parser = import_module(f"stacks.commands.{command}")._parser()
        else:
            parsers = {"costs": costs._parser, "containers.queued": queued._parser}
            parser, rest = parsers[module](), [command, *rest]
        parser.parse_args(rest)  # exits, which fails, where it does not know a word


@every
def test_what_it_looks_up_in_a_stack_is_one_thing_of_that_stack(
    book: Path, stack: dict[str, Any]
) -> None:
    answered = {
        "StackResourceSummaries": [
            {
                "LogicalResourceId": id_,
                "PhysicalResourceId": id_,
                "ResourceType": resource["Type"],
            }
            for id_, resource in stack["Resources"].items()
        ]
    }
    for words in commands(book):
        if words[:3] == ["aws", "cloudformation", "list-stack-resources"]:
            assert len(jmespath.search(options(words)["query"], answered)) == 1


@every
def test_a_function_that_it_calls_is_of_that_stack(
    book: Path, endpoint: dict[str, Any]
) -> None:
    named = {
        each["FunctionName"] for each in of_type(endpoint, "AWS::Lambda::Function")
    }
    for words in commands(book):
        if words[:3] == ["aws", "lambda", "invoke"]:
            called = options(words)["function-name"]
            stack = "dev-endpoint-support-sentiment"
            assert called.replace("$STAGE-endpoint-$NAME", stack) in named


@every
def test_a_page_that_it_sends_to_is_there(book: Path) -> None:
    for name in re.findall(r"`(\w+)\.md`", book.read_text()):
        assert (book.parent / f"{name}.md").is_file()
