from __future__ import annotations

from typing import Any

import pytest

from rehearsal.account import Account
from rehearsal.api import api_request


@pytest.fixture(scope="module")
def ecs() -> Any:
    return Account("http://127.0.0.1:1").client("ecs")


DEFINITION = {
    "Family": "f",
    "Cpu": 1024,
    "RuntimePlatform": {"CPUArchitecture": "X86_64"},
    "ContainerDefinitions": [
        {
            "Name": "server",
            "Image": "i",
            "ReadonlyRootFilesystem": "true",
            "PortMappings": [{"ContainerPort": "8080"}],
            "DockerLabels": {"Keep-This": "Case"},
        }
    ],
}


def test_a_template_is_spelled_as_the_api_wants_it(ecs: Any) -> None:
    assert api_request(ecs, "RegisterTaskDefinition", DEFINITION) == {
        "family": "f",
        "cpu": "1024",
        "runtimePlatform": {"cpuArchitecture": "X86_64"},
        "containerDefinitions": [
            {
                "name": "server",
                "image": "i",
                "readonlyRootFilesystem": True,
                "portMappings": [{"containerPort": 8080}],
                "dockerLabels": {"Keep-This": "Case"},
            }
        ],
    }


def test_a_member_that_aws_does_not_know_is_refused_by_name(ecs: Any) -> None:
    with pytest.raises(ValueError, match="Unknown parameter.*NetworkMood"):
        api_request(ecs, "RegisterTaskDefinition", {**DEFINITION, "NetworkMood": "x"})


def test_a_member_that_aws_requires_is_missed_by_name(ecs: Any) -> None:
    with pytest.raises(ValueError, match="containerDefinitions"):
        api_request(ecs, "RegisterTaskDefinition", {"Family": "f"})
