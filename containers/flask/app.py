"""Flask: everything that is asked beside predictions, and what is said of errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException

from containers.flask.metrics import Metrics
from containers.flask.problem import Problem
from containers.flask.routes import add_routes
from manifest import Manifest

_TF_SERVING_STATES = {
    "loading": "LOADING",
    "ready": "AVAILABLE",
    "draining": "UNLOADING",
}


def create_app(
    manifest: Manifest,
    *,
    state: Callable[[], str],
    metrics: Metrics,
    max_body_bytes: int,
) -> Flask:
    """Build the WSGI application; `state` is loading, ready or draining.

    Every answer names the model and its version. Predictions do not come here.
    """
    app = Flask(__name__, static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    identity = {"model": manifest.name, "version": manifest.version}
    path = f"/v1/models/{manifest.name}"
    problem = Problem(manifest)

    def answer(body: Mapping[str, Any], status: int = 200) -> tuple[Response, int]:
        return jsonify({**body, **identity}), status

    @app.get(path)
    def status() -> tuple[Response, int]:
        version = {
            "version": manifest.version,
            "state": _TF_SERVING_STATES[state()],
            "status": {"error_code": "OK", "error_message": ""},
        }
        return answer({"model_version_status": [version]})

    @app.get(f"{path}/metadata")
    def described() -> tuple[Response, int]:
        names = ("task", "variant", "labels", "lengths", "max_batch")
        return answer({"metadata": {name: getattr(manifest, name) for name in names}})

    @app.get("/v2/health/live")
    def live() -> tuple[Response, int]:
        return answer({"live": True})

    @app.get("/v2/health/ready")
    def ready() -> tuple[Response, int]:
        is_ready = state() == "ready"
        return answer({"ready": is_ready}, 200 if is_ready else 503)

    @app.errorhandler(HTTPException)
    def error(exception: HTTPException) -> Response:
        said = problem.answer(exception)
        response = exception.get_response()
        response.set_data(said.body)
        response.content_type = "application/json"
        return response  # type: ignore[return-value]  # werkzeug's, with its headers

    add_routes(
        app, manifest, state=state, metrics=metrics, max_body_bytes=max_body_bytes
    )
    return app
