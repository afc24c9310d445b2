"""HTTP around one model: check the request, ask the predictor, shape the answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from flask import Flask, Response, request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import (
    BadRequest,
    HTTPException,
    InternalServerError,
    NotFound,
    RequestEntityTooLarge,
    ServiceUnavailable,
)

from containers.flask.instances import read_texts
from containers.flask.predictor import Prediction
from containers.flask.shortcut import Shortcut
from manifest import Manifest

MAX_BODY_BYTES = 256 * 1024  # 32 messages of 8 KiB

_TF_SERVING_STATES = {
    "loading": "LOADING",
    "ready": "AVAILABLE",
    "draining": "UNLOADING",
}


class Predictor(Protocol):
    def predict(self, texts: list[str]) -> list[Prediction]: ...


class Model(Protocol):
    """A model that may still be loading, or may be about to stop."""

    @property
    def predictor(self) -> Predictor | None: ...

    @property
    def state(self) -> str: ...


def create_app(
    manifest: Manifest, model: Model, *, max_body_bytes: int = MAX_BODY_BYTES
) -> Flask:
    """Build the WSGI application; every answer names the model and its version."""
    app = Flask(__name__, static_folder=None)
    # One more, to see that a chunked body is too long: werkzeug would cut it silently.
    app.config["MAX_CONTENT_LENGTH"] = max_body_bytes + 1
    identity = {"model": manifest.name, "version": manifest.version}
    path = f"/v1/models/{manifest.name}"

    def encode(body: Mapping[str, Any]) -> bytes:
        return json.dumps({**body, **identity}, separators=(",", ":")).encode()

    def answer(body: Mapping[str, Any], status: int = 200) -> Response:
        return Response(encode(body), status, content_type="application/json")

    def respond(body: bytes) -> bytes:
        if (predictor := model.predictor) is None:
            raise ServiceUnavailable("the model is loading", retry_after=1)
        texts = read_texts(body, max_batch=manifest.max_batch)
        predictions = [p._asdict() for p in predictor.predict(texts)]
        return encode({"predictions": predictions})

    @app.post(f"{path}:predict")
    def predict() -> Response:
        try:
            body = request.get_data(cache=False)
        except (OSError, ParseException) as error:
            raise BadRequest("the body is not chunked as HTTP asks") from error
        if len(body) > max_body_bytes:
            raise RequestEntityTooLarge
        return Response(respond(body), content_type="application/json")

    @app.get(path)
    def status() -> Response:
        version = {
            "version": manifest.version,
            "state": _TF_SERVING_STATES[model.state],
            "status": {"error_code": "OK", "error_message": ""},
        }
        return answer({"model_version_status": [version]})

    @app.get(f"{path}/metadata")
    def metadata() -> Response:
        names = ("task", "variant", "labels", "lengths", "max_batch")
        return answer({"metadata": {name: getattr(manifest, name) for name in names}})

    @app.get("/v2/health/live")
    def live() -> Response:
        return answer({"live": True})

    @app.get("/v2/health/ready")
    def ready() -> Response:
        is_ready = model.state == "ready"
        return answer({"ready": is_ready}, 200 if is_ready else 503)

    @app.errorhandler(HTTPException)
    def error(exception: HTTPException) -> Response:
        response = exception.get_response()
        body = answer({"error": _explain(exception, path, max_body_bytes)})
        response.set_data(body.get_data())
        response.content_type = "application/json"
        return response  # type: ignore[return-value]  # werkzeug's, with its headers

    app.wsgi_app = Shortcut(  # type: ignore[method-assign]
        app.wsgi_app,
        path=f"{path}:predict",
        respond=respond,
        max_body_bytes=max_body_bytes,
    )
    return app


def _explain(exception: HTTPException, path: str, max_body_bytes: int) -> str:
    match exception:
        case NotFound():
            return f"{request.path}: not found; this server answers POST {path}:predict"
        case RequestEntityTooLarge():
            return f"body: more than the {max_body_bytes} bytes allowed"
        case InternalServerError():
            return "internal error"
        case _:
            return exception.description or exception.name
