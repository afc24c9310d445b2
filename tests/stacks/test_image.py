"""The template and the image it runs are written in two rooms: here they agree."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from containers.flask.app import create_app
from containers.flask.door import Limits
from containers.flask.metrics import Metrics
from manifest import Runtime
from stacks.runtimes import SERVERS
from tests.conftest import ManifestFactory
from tests.stacks.conftest import only, template

CONTAINERS = Path(__file__).parents[2] / "containers"
FLASK = CONTAINERS / "flask"


def instruction(name: str, runtime: str = "flask") -> str:
    """The last such instruction of the Dockerfile: the one that counts."""
    text = (CONTAINERS / runtime / "Dockerfile").read_text()
    return re.findall(rf"^{name} (.+)$", text, re.MULTILINE)[-1]


def gunicorn(setting: str) -> int:
    """A literal of gunicorn_config.py, read without running it."""
    for line in ast.parse((FLASK / "gunicorn_config.py").read_text()).body:
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == setting:
            value: int = ast.literal_eval(line.value)
            return value
    raise LookupError(setting)


@pytest.fixture(scope="session")
def endpoint(assembly: Path) -> dict[str, Any]:
    return template(assembly, "dev-endpoint-support-sentiment")


@pytest.fixture(scope="session")
def container(endpoint: dict[str, Any]) -> dict[str, Any]:
    (found,) = only(endpoint, "AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    return dict(found)


def test_traffic_goes_to_the_port_the_image_listens_on(
    container: dict[str, Any],
) -> None:
    (mapping,) = container["PortMappings"]
    assert mapping["ContainerPort"] == int(instruction("EXPOSE"))


def test_the_task_runs_as_the_image_s_own_user(container: dict[str, Any]) -> None:
    assert container["User"] == instruction("USER")


def test_health_is_asked_for_where_the_server_answers_it(
    endpoint: dict[str, Any], make_manifest: ManifestFactory
) -> None:
    app = create_app(
        make_manifest(), state=lambda: "loading", metrics=Metrics(), max_body_bytes=1
    )
    paths = {rule.rule for rule in app.url_map.iter_rules()}
    group = only(endpoint, "AWS::ElasticLoadBalancingV2::TargetGroup")
    assert group["HealthCheckPath"] in paths


def test_the_server_keeps_a_connection_longer_than_the_load_balancer(
    endpoint: dict[str, Any],
) -> None:
    """Or the balancer sends a request into a connection that is being closed: 502."""
    balancer = only(endpoint, "AWS::ElasticLoadBalancingV2::LoadBalancer")
    attributes = {a["Key"]: a["Value"] for a in balancer["LoadBalancerAttributes"]}
    assert Limits().idle_seconds > int(attributes["idle_timeout.timeout_seconds"])


def test_a_task_is_not_killed_while_it_drains(container: dict[str, Any]) -> None:
    assert container["StopTimeout"] > gunicorn("graceful_timeout")


@pytest.mark.parametrize("runtime", SERVERS)
def test_a_server_is_what_its_dockerfile_says(runtime: Runtime) -> None:
    server = SERVERS[runtime]
    assert str(server.port) in instruction("EXPOSE", runtime).split()
    assert server.user == instruction("USER", runtime)


def test_tf_serving_answers_rest_on_the_port_that_is_asked_and_under_its_name() -> None:
    server = SERVERS["tf_serving"]
    text = (CONTAINERS / "tf_serving" / "Dockerfile").read_text()
    assert f'"--rest_api_port={server.port}"' in text
    models = (CONTAINERS / "tf_serving" / "models.config").read_text()
    assert 'name: "@NAME@"' in models  # which the Dockerfile puts in
    assert server.ready_path("a-model") == "/v1/models/a-model"


def test_tf_serving_on_gpus_is_the_same_image_on_another_base() -> None:
    text = (CONTAINERS / "tf_serving" / "Dockerfile").read_text()
    assert re.search(r"^ARG BASE=docker.io/tensorflow/serving:[0-9.]+$", text, re.M)
    assert instruction("FROM", "tf_serving") == "${BASE}"
