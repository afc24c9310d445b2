"""/openapi.json against the standard, against the routes, and against what is read."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from werkzeug.exceptions import BadRequest

from containers.flask.inference import describe, read_infer, shape_infer
from containers.flask.instances import read_instances
from containers.flask.metrics import Metrics
from containers.flask.openapi import openapi
from containers.flask.routes import PAGE, add_routes
from containers.flask.task import load_task
from manifest import Manifest, read_manifest
from tests.conftest import ManifestFactory
from tests.containers.conftest import TINY

MAX_BATCH = 3


@pytest.fixture
def manifest(make_manifest: ManifestFactory) -> Manifest:
    return make_manifest(max_batch=MAX_BATCH)


@pytest.fixture
def document(manifest: Manifest) -> dict[str, Any]:
    return openapi(manifest, max_body_bytes=1000)


def schema(document: dict[str, Any], name: str) -> Draft202012Validator:
    root = {
        "$ref": f"#/components/schemas/{name}",
        "components": document["components"],
    }
    return Draft202012Validator(root)


def flask(manifest: Manifest, state: str = "ready") -> Flask:
    app = Flask(__name__, static_folder=None)
    add_routes(
        app,
        manifest,
        state=lambda: state,
        metrics=Metrics({"model": manifest.name}),
        max_body_bytes=1000,
    )
    return app


@pytest.fixture
def client(manifest: Manifest) -> FlaskClient:
    return flask(manifest).test_client()


def test_is_what_the_standard_says(document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(document).validate()


def test_every_status_that_can_come_is_there_and_says_when_to_come_back(
    document: dict[str, Any],
) -> None:
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            wanted = {"200", "400", "404", "405", "408", "413", "431"}
            if verb == "post":
                wanted |= {"429", "503", "504"}
            assert wanted <= operation["responses"].keys(), path
    for status in ("429", "503"):
        assert document["components"]["responses"][status]["headers"]["Retry-After"]


def test_examples_are_answered(document: dict[str, Any], manifest: Manifest) -> None:
    posts = [verbs["post"] for verbs in document["paths"].values() if "post" in verbs]
    for operation in posts:
        content = operation["requestBody"]["content"]["application/json"]
        name = content["schema"]["$ref"].rsplit("/", 1)[1]
        schema(document, name).validate(content["example"])
        body = json.dumps(content["example"]).encode()
        read = read_infer if name == "InferRequest" else read_instances
        assert read(body, max_batch=manifest.max_batch)


TEXT = {"name": "text", "datatype": "BYTES", "shape": [1], "data": ["a"]}


@pytest.mark.parametrize(
    "request_",
    [
        {"inputs": [TEXT]},
        {"inputs": [{**TEXT, "shape": [1, 1]}]},
        {"inputs": [{**TEXT, "shape": [1, 1], "data": [["a"]]}]},
        {"inputs": [{**TEXT, "shape": [2, 1], "data": [["a"], "b"]}]},
        {"inputs": [{**TEXT, "shape": [3], "data": ["a", "b", "c"]}]},
        {"inputs": [TEXT], "id": "7", "parameters": {"a": 1}, "outputs": None},
        {"inputs": [TEXT], "outputs": [{"name": "score", "parameters": {}}]},
        {"inputs": [{**TEXT, "parameters": {"content_type": "str"}}], "id": None},
        {"inputs": [{**TEXT, "shape": [2]}]},
        {"inputs": [{**TEXT, "data": [["a"]]}]},
        {"inputs": [{**TEXT, "data": [" \x1c\x85"]}]},
        {"inputs": [{**TEXT, "shape": [4], "data": ["a"] * 4}]},
        {"inputs": [{**TEXT, "shape": [0], "data": []}]},
        {"inputs": [{**TEXT, "datatype": "FP32"}]},
        {"inputs": [{**TEXT, "name": "other"}]},
        {"inputs": [{**TEXT, "parameters": {"binary_data_size": 4}}]},
        {"inputs": [{**TEXT, "parameters": 4}]},
        {"inputs": [TEXT, TEXT]},
        {"inputs": [TEXT], "id": 7},
        {"inputs": [TEXT], "id": "i" * 257},
        {"inputs": [TEXT], "other": 1},
        {"inputs": [TEXT], "outputs": [{"name": "other"}]},
        {"inputs": [TEXT], "outputs": [{}]},
        {"inputs": [TEXT], "outputs": [{"name": "label"}] * 3},
        {"inputs": TEXT},
        {},
        [],
    ],
    ids=json.dumps,
)
def test_an_infer_request_is_valid_exactly_if_it_is_read(
    document: dict[str, Any], request_: Any
) -> None:
    try:
        read_infer(json.dumps(request_).encode(), max_batch=MAX_BATCH)
        is_read = True
    except BadRequest:
        is_read = False
    assert schema(document, "InferRequest").is_valid(request_) == is_read


@pytest.mark.parametrize(
    "request_",
    [
        {"instances": ["a", {"text": "b"}]},
        {"instances": ["a"], "signature_name": "serving_default"},
        {"instances": [""]},
        {"instances": ["\t"]},
        {"instances": []},
        {"instances": ["a"] * 4},
        {"instances": [{"text": "b", "id": 1}]},
        {"instances": [{}]},
        {"instances": [None]},
        {"instances": "a"},
        {"inputs": ["a"]},
    ],
    ids=json.dumps,
)
def test_a_predict_request_is_valid_exactly_if_it_is_read(
    document: dict[str, Any], request_: Any
) -> None:
    task = load_task(read_manifest(TINY / "manifest.json"), TINY)
    try:
        body = json.dumps(request_).encode()
        for instance in read_instances(body, max_batch=MAX_BATCH):
            task.read(instance, "")
        is_read = True
    except BadRequest:
        is_read = False
    assert schema(document, "PredictRequest").is_valid(request_) == is_read


def test_answers_are_as_documented(
    client: FlaskClient, document: dict[str, Any], manifest: Manifest
) -> None:
    model = f"/v2/models/{manifest.name}"
    for path, name in (
        ("/v2", "Server"),
        (model, "Model"),
        (f"{model}/versions/{manifest.version}", "Model"),
        (f"{model}/ready", "ModelReady"),
    ):
        response = client.get(path)
        assert response.status_code == 200
        schema(document, name).validate(response.get_json())
    request = read_infer(json.dumps({"inputs": [TEXT]}).encode(), max_batch=1)
    prediction = {"label": manifest.labels[0], "score": 0.5}
    answer = json.loads(json.dumps(shape_infer(request, [prediction], manifest)))
    schema(document, "InferResponse").validate(answer)
    schema(document, "Model").validate(describe(manifest))
    assert client.get("/openapi.json").get_json() == document


def test_a_model_is_ready_only_when_it_is(manifest: Manifest) -> None:
    client = flask(manifest, "loading").test_client()
    response = client.get(f"/v2/models/{manifest.name}/ready")
    assert response.status_code == 503
    assert response.get_json() == {"name": manifest.name, "ready": False}


def test_every_route_is_documented(
    document: dict[str, Any], manifest: Manifest
) -> None:
    for rule in flask(manifest).url_map.iter_rules():
        documented = {verb.upper() for verb in document["paths"].get(rule.rule, {})}
        assert rule.methods
        assert rule.methods - {"HEAD", "OPTIONS"} == documented, rule.rule


def test_metrics_are_told_as_asked(client: FlaskClient) -> None:
    assert b"lathe_ready" in client.get("/metrics").data
    asked = {"Accept": "application/openmetrics-text; version=1.0.0"}
    assert client.get("/metrics", headers=asked).data.endswith(b"# EOF\n")


TWO_TEXTS = {
    "question-answering": ("question", "context"),
    "pair-classification": ("text", "pair"),
}


@pytest.fixture(params=TWO_TEXTS)
def of_two(request: pytest.FixtureRequest, make_manifest: ManifestFactory) -> Manifest:
    """A model that is asked with two texts."""
    task = str(request.param)
    labels = () if task == "question-answering" else ("negative", "neutral", "positive")
    return make_manifest(task=task, labels=labels, max_batch=MAX_BATCH)


def test_a_model_of_two_texts_is_documented_too(of_two: Manifest) -> None:
    document = openapi(of_two, max_body_bytes=1000)
    OpenAPIV31SpecValidator(document).validate()
    for verbs in document["paths"].values():
        if operation := verbs.get("post"):
            content = operation["requestBody"]["content"]["application/json"]
            name = content["schema"]["$ref"].rsplit("/", 1)[1]
            schema(document, name).validate(content["example"])


def two(first: str, second: str, *, rows: tuple[int, int] = (1, 1)) -> dict[str, Any]:
    names = zip((first, second), rows, strict=True)
    return {
        "inputs": [
            {"name": n, "datatype": "BYTES", "shape": [count], "data": ["a"] * count}
            for n, count in names
        ]
    }


def test_two_tensors_are_valid_exactly_if_they_are_read(of_two: Manifest) -> None:
    # red without `contains`: one name twice was valid, and refused
    document = openapi(of_two, max_body_bytes=1000)
    first, second = TWO_TEXTS[of_two.task]
    good = [two(first, second), two(second, first), two(first, second, rows=(3, 3))]
    bad = [
        two(first, first),
        two(first, "other"),
        two(first, second, rows=(1, 2)),
        two(first, second, rows=(4, 4)),
        {"inputs": two(first, second)["inputs"][:1]},
    ]
    for request in [*good, *bad]:
        try:
            body = json.dumps(request).encode()
            read_infer(body, max_batch=MAX_BATCH, task=of_two.task)
            is_read = True
        except BadRequest:
            is_read = False
        assert is_read == (request in good)
        assert schema(document, "InferRequest").is_valid(request) == is_read, request


@pytest.mark.parametrize(
    "instance",
    [{}, "a", None, {"text": "a"}, {"question": "a"}, {"text": "a", "pair": " "}],
    ids=json.dumps,
)
def test_an_instance_of_two_texts_is_valid_exactly_if_it_is_read(
    of_two: Manifest, instance: Any
) -> None:
    task = load_task(
        replace(
            read_manifest(TINY / "manifest.json"),
            task=of_two.task,
            labels=of_two.labels,
        ),
        TINY,
    )
    document = openapi(of_two, max_body_bytes=1000)
    whole = dict.fromkeys(TWO_TEXTS[of_two.task], "a")
    for each in (instance, whole, {**whole, "more": "a"}):
        try:
            task.read(each, "")
            is_read = True
        except BadRequest:
            is_read = False
        assert is_read == (each == whole)
        request = {"instances": [each]}
        assert schema(document, "PredictRequest").is_valid(request) == is_read


def test_the_page_works_without_any_other_server(client: FlaskClient) -> None:
    response = client.get("/docs")
    assert response.content_type == "text/html; charset=utf-8"
    page = response.get_data(as_text=True)
    assert not re.search(r"(src|href)=.?(https?:)?//|\bon\w+=|\bstyle=", page)
    assert page.count("<script>") == page.count("<style>") == 1
    assert len(PAGE.read_bytes()) < 10_000
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
