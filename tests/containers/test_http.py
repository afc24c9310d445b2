"""The HTTP side alone, over a predictor that labels each text with itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

import pytest
from flask import request
from flask.testing import FlaskClient

from containers.flask.app import Predictor, create_app
from containers.flask.predictor import Prediction
from tests.conftest import ManifestFactory

MODEL = "/v1/models/support-sentiment"
PREDICT = f"{MODEL}:predict"
IDENTITY = {"model": "support-sentiment", "version": "3f1c9a07be24"}
# How gunicorn hands on a chunked body: it knows where that ends.
CHUNKED = {
    "HTTP_TRANSFER_ENCODING": "chunked",
    "CONTENT_LENGTH": "",
    "wsgi.input_terminated": True,
}


class Echo:
    def predict(self, texts: list[str]) -> list[Prediction]:
        return [Prediction(text, 1.0) for text in texts]


class Broken:
    def predict(self, texts: list[str]) -> list[Prediction]:
        raise RuntimeError(f"the engine failed on {texts}")


@dataclass(frozen=True)
class Stage:
    predictor: Predictor | None
    state: str = "ready"


Connect = Callable[[Stage], FlaskClient]


@pytest.fixture
def connect(make_manifest: ManifestFactory) -> Connect:
    manifest = make_manifest(max_batch=3)
    return lambda stage: create_app(manifest, stage, max_body_bytes=1000).test_client()


@pytest.fixture
def client(connect: Connect) -> FlaskClient:
    return connect(Stage(Echo()))


def test_answers_in_order_and_says_which_model_spoke(client: FlaskClient) -> None:
    response = client.post(PREDICT, json={"instances": ["b", {"text": "a"}, "ü"]})
    assert response.status_code == 200
    assert response.get_json() == {
        "predictions": [
            {"label": "b", "score": 1.0},
            {"label": "a", "score": 1.0},
            {"label": "ü", "score": 1.0},
        ],
        **IDENTITY,
    }


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/json"])
def test_reads_the_body_whatever_its_declared_type(
    client: FlaskClient, content_type: str | None
) -> None:
    body = b'{"instances": ["a"]}'
    response = client.post(PREDICT, data=body, content_type=content_type)
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "body: not JSON"),
        (b'{"instances": ["a"]', "body: not JSON"),
        (b"\xff\xfe", "body: not UTF-8 at byte 0"),
        (b'{"instances": ["caf\xe9"]}', "body: not UTF-8 at byte 19"),
        (b'["a"]', "body: no instances"),
        (b'"instances"', "body: no instances"),
        (b'{"texts": ["a"]}', "body: no instances"),
        (b'{"instances": "a"}', "instances: a string is not a list"),
        (b'{"instances": {"text": "a"}}', "instances: an object is not a list"),
        (b'{"instances": null}', "instances: null is not a list"),
        (b'{"instances": []}', "instances: 0 given, 1 to 3 allowed"),
        (b'{"instances": ["a","b","c","d"]}', "instances: 4 given, 1 to 3 allowed"),
        (b'{"instances": ["a", 1]}', "instances[1]: a number is not a string"),
        (b'{"instances": [true]}', "instances[0]: a boolean is not a string"),
        (b'{"instances": [NaN]}', "instances[0]: a number is not a string"),
        (b'{"instances": ["a", ["b"]]}', "instances[1]: a list is not a string"),
        (b'{"instances": [{}]}', "instances[0]: keys [] are not ['text']"),
        (
            b'{"instances": ["a", {"text": "b", "id": 1}]}',
            "instances[1]: keys ['id', 'text'] are not ['text']",
        ),
        (
            b'{"instances": [{"text": null}]}',
            "instances[0].text: null is not a string",
        ),
        (b'{"instances": ["a", ""]}', "instances[1]: empty text"),
        (b'{"instances": ["a", "b", " \\n\\t"]}', "instances[2]: empty text"),
        (b'{"instances": ["a \\ud83d"]}', "instances[0]: a lone surrogate"),
        (b'{"instances": [' + b"9" * 5000 + b"]}", "more than the 1000 bytes allowed"),
    ],
)
def test_says_where_a_bad_request_is_wrong(
    client: FlaskClient, body: bytes, message: str
) -> None:
    response = client.post(PREDICT, data=body)
    answer = response.get_json()
    assert message in answer.pop("error")
    assert answer == IDENTITY
    assert response.status_code in {400, 413}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"instances": [' + b"9" * 5000 + b"]}", "body: not JSON"),
        (b"[" * 100_000, "body: nested too deeply"),
    ],
    ids=["long number", "deep nesting"],
)
def test_json_that_python_refuses_is_a_bad_request(
    make_manifest: ManifestFactory, body: bytes, message: str
) -> None:
    client = create_app(make_manifest(), Stage(Echo())).test_client()
    response = client.post(PREDICT, data=body)
    assert response.status_code == 400
    assert message in response.get_json()["error"]


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_body_over_the_limit_is_refused_with_the_limit(
    client: FlaskClient, chunked: bool
) -> None:
    frame = b'{"instances": [""]}'
    body = frame[:-3] + b"a" * (1001 - len(frame)) + frame[-3:]
    if chunked:
        response = client.post(
            PREDICT,
            input_stream=BytesIO(body),
            environ_overrides=CHUNKED,
        )
    else:
        response = client.post(PREDICT, data=body)
    assert response.status_code == 413
    assert response.get_json()["error"] == "body: more than the 1000 bytes allowed"


def test_a_body_at_the_limit_is_read(client: FlaskClient) -> None:
    frame = b'{"instances": [""]}'
    body = frame[:-3] + b"a" * (1000 - len(frame)) + frame[-3:]
    assert len(body) == 1000
    assert client.post(PREDICT, data=body).status_code == 200


@pytest.mark.parametrize(
    "path", ["/v1/models/other:predict", "/v1/models/other", "/", "/v2/models"]
)
def test_an_unknown_path_is_told_what_is_served(client: FlaskClient, path: str) -> None:
    response = client.post(path) if path.endswith("predict") else client.get(path)
    assert response.status_code == 404
    assert f"this server answers POST {PREDICT}" in response.get_json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", PREDICT, {"POST", "OPTIONS"}),
        ("DELETE", MODEL, {"GET", "HEAD", "OPTIONS"}),
        ("POST", "/v2/health/ready", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(
    client: FlaskClient, method: str, path: str, allowed: set[str]
) -> None:
    response = client.open(path, method=method)
    assert response.status_code == 405
    assert response.allow.as_set(preserve_casing=True) == allowed
    assert response.get_json()["version"] == IDENTITY["version"]


@pytest.mark.parametrize(
    ("stage", "ready", "state"),
    [
        (Stage(None, "loading"), 503, "LOADING"),
        (Stage(Echo(), "ready"), 200, "AVAILABLE"),
        (Stage(Echo(), "draining"), 503, "UNLOADING"),
    ],
    ids=lambda value: getattr(value, "state", str(value)),
)
def test_is_ready_only_between_loading_and_draining(
    connect: Connect, stage: Stage, ready: int, state: str
) -> None:
    client = connect(stage)
    assert client.get("/v2/health/live").status_code == 200
    response = client.get("/v2/health/ready")
    assert response.status_code == ready
    assert response.get_json() == {"ready": ready == 200, **IDENTITY}
    (status,) = client.get(MODEL).get_json()["model_version_status"]
    assert (status["version"], status["state"]) == (IDENTITY["version"], state)


def test_a_request_before_the_model_is_there_is_told_to_come_back(
    connect: Connect,
) -> None:
    client = connect(Stage(None, "loading"))
    response = client.post(PREDICT, json={"instances": ["a"]})
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert response.get_json() == {"error": "the model is loading", **IDENTITY}


def test_a_request_that_was_accepted_is_answered_while_draining(
    connect: Connect,
) -> None:
    client = connect(Stage(Echo(), "draining"))
    assert client.post(PREDICT, json={"instances": ["a"]}).status_code == 200


def test_metadata_says_what_a_client_must_know(client: FlaskClient) -> None:
    metadata = client.get(f"{MODEL}/metadata").get_json()["metadata"]
    assert metadata["labels"] == ["negative", "neutral", "positive"]
    assert metadata["max_batch"] == 3


def test_a_failing_engine_shows_no_inside(connect: Connect) -> None:
    response = connect(Stage(Broken())).post(PREDICT, json={"instances": ["secret"]})
    assert response.status_code == 500
    assert response.get_json() == {"error": "internal error", **IDENTITY}


def test_only_what_is_out_of_the_ordinary_passes_through_flask(
    make_manifest: ManifestFactory,
) -> None:
    """Flask's share of a request's time is why; its answers must be the same."""
    app = create_app(make_manifest(), Stage(Echo()))
    seen: list[str] = []
    app.before_request(lambda: seen.append(request.path))
    client = app.test_client()
    plain = client.post(PREDICT, json={"instances": ["a"]})
    assert seen == []
    chunked = client.post(
        PREDICT,
        input_stream=BytesIO(b'{"instances": ["a"]}'),
        environ_overrides=CHUNKED,
    )
    assert seen == [PREDICT]
    assert chunked.get_json() == plain.get_json()
    assert chunked.content_type == plain.content_type
