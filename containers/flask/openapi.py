"""What this server answers, as OpenAPI 3.1: exact enough to test it by.

A request is valid here exactly if the server reads it, with two exceptions that JSON
Schema cannot say: the bytes of the whole body, and lone surrogates. Where it is valid,
200 and what an overload may bring are the only answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from containers.flask.schemas import Schema, schemas
from manifest import Manifest

MAX_TIMEOUT_MS = 600_000

_ERRORS: Mapping[int, str] = {
    400: "The request is not what is documented here; `error` names the place, what was found and what is allowed.",
    404: "No such path, model or version.",
    405: "The path has other methods; `Allow` lists them.",
    408: "The request did not arrive in time.",
    413: "The body is larger than allowed.",
    429: "More is asked than can be answered within the bound on waiting.",
    431: "The headers are larger than allowed.",
    503: "The model is still loading, or the server is about to stop.",
    504: "The request's own deadline passed before its turn came.",
}
_RETRY = (429, 503)

_JSON = "application/json"
_STRING: Schema = {"type": "string"}


def openapi(manifest: Manifest, *, max_body_bytes: int) -> dict[str, Any]:
    """Return the document for one model."""
    v1, v2 = f"/v1/models/{manifest.name}", f"/v2/models/{manifest.name}"
    version = f"{v2}/versions/{manifest.version}"
    return {
        "openapi": "3.1.0",
        "info": {
            "title": manifest.name,
            "version": manifest.version,
            "summary": f"{manifest.task}, variant {manifest.variant}",
            "description": f"At most {manifest.max_batch} instances a request and"
            f" {max_body_bytes} bytes a body. Texts over {manifest.lengths[-1]} tokens"
            " are cut.",
        },
        "paths": {
            f"{v1}:predict": {"post": _predict(manifest)},
            v1: {"get": _get("Version and state, as TF Serving", "Status")},
            f"{v1}/metadata": {"get": _get("What the model is", "Metadata")},
            f"{v2}/infer": {"post": _infer(manifest)},
            f"{version}/infer": {"post": _infer(manifest)},
            **{
                path: {"get": _get("Inputs and outputs of the model", "Model")}
                for path in (v2, version)
            },
            **{
                f"{path}/ready": {"get": _ready("ModelReady")} for path in (v2, version)
            },
            "/v2": {"get": _get("What this server is", "Server")},
            "/v2/health/live": {"get": _get("The process answers", "Live")},
            "/v2/health/ready": {"get": _ready("Ready")},
            "/metrics": {"get": _page("Prometheus metrics", "text/plain")},
            "/openapi.json": {"get": _page("This document", _JSON)},
            "/docs": {"get": _page("This document, to read and try", "text/html")},
        },
        "components": {
            "schemas": schemas(manifest),
            "responses": {str(status): _error(status) for status in _ERRORS},
        },
    }


def _predict(manifest: Manifest) -> dict[str, Any]:
    return _post(
        "Answer each instance, as TF Serving's REST API does",
        request="PredictRequest",
        answer="PredictResponse",
        example={"instances": [_instance_example(manifest)]},
    )


def _infer(manifest: Manifest) -> dict[str, Any]:
    texts = _instance_example(manifest)
    named = texts if isinstance(texts, dict) else {"text": texts}
    inputs = [
        {"name": name, "shape": [1], "datatype": "BYTES", "data": [text]}
        for name, text in named.items()
    ]
    return _post(
        "Answer each instance, as the Open Inference Protocol v2 has it",
        request="InferRequest",
        answer="InferResponse",
        example={"inputs": inputs},
    )


def _instance_example(manifest: Manifest) -> str | dict[str, str]:
    if manifest.task == "classification":
        return "my order never came"
    if manifest.task == "pair-classification":
        return {"text": "My order never came.", "pair": "Nothing was delivered."}
    return {"question": "What came late?", "context": "My order came late."}


def _post(
    summary: str, *, request: str, answer: str, example: dict[str, Any]
) -> dict[str, Any]:
    return {
        "summary": summary,
        "parameters": [
            _header("X-Request-Id", _STRING, "Returned, and named in the log."),
            _header(
                "X-Request-Timeout-Ms",
                {"type": "integer", "minimum": 1, "maximum": MAX_TIMEOUT_MS},
                "How long the caller waits: 504 once its turn cannot come in time.",
            ),
            _header(
                "Cache-Control",
                _STRING,
                "no-cache: answer anew; no-store: keep nothing.",
            ),
        ],
        "requestBody": {
            "required": True,
            "content": {_JSON: {"schema": _ref(request), "example": example}},
        },
        "responses": {
            "200": _content("The answers, in the order asked.", _ref(answer)),
            **_errors(400, 404, 405, 408, 413, 429, 431, 503, 504),
        },
    }


def _header(name: str, schema: Schema, description: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "schema": schema, "description": description}


def _get(summary: str, answer: str) -> dict[str, Any]:
    return {
        "summary": summary,
        "responses": {
            "200": _content(summary + ".", _ref(answer)),
            **_errors(400, 404, 405, 408, 413, 431),
        },
    }


def _ready(answer: str) -> dict[str, Any]:
    operation = _get("Whether requests are taken", answer)
    operation["responses"]["503"] = _content("Loading or draining.", _ref(answer))
    return operation


def _page(summary: str, media: str) -> dict[str, Any]:
    schema: Schema = {"type": "object"} if media == _JSON else _STRING
    return {
        "summary": summary,
        "responses": {
            "200": {
                "description": summary + ".",
                "content": {media: {"schema": schema}},
            },
            **_errors(400, 404, 405, 408, 413, 431),
        },
    }


def _errors(*statuses: int) -> dict[str, Any]:
    return {
        str(status): {"$ref": f"#/components/responses/{status}"} for status in statuses
    }


def _error(status: int) -> dict[str, Any]:
    response = _content(_ERRORS[status], _ref("Error"))
    if status in _RETRY:
        response["headers"] = {
            "Retry-After": {
                "required": True,
                "description": "Seconds to wait before asking again.",
                "schema": {"type": "integer", "minimum": 1},
            }
        }
    return response


def _content(description: str, schema: Schema) -> dict[str, Any]:
    return {"description": description, "content": {_JSON: {"schema": schema}}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}
