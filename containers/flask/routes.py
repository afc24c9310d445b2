"""What Flask answers beside predictions: descriptions, metrics, and pages to read."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Flask, Response, request

from containers.flask.exposition import Exposition
from containers.flask.inference import describe
from containers.flask.metrics import Metrics
from containers.flask.openapi import openapi
from manifest import Manifest

PAGE = Path(__file__).with_name("docs.html")


def add_routes(
    app: Flask,
    manifest: Manifest,
    *,
    state: Callable[[], str],
    metrics: Metrics,
    max_body_bytes: int,
) -> None:
    """Add all GET routes of the Open Inference Protocol but health, and the documents."""
    model = f"/v2/models/{manifest.name}"
    version = f"{model}/versions/{manifest.version}"

    @app.get("/v2")
    def server() -> Response:
        sources = manifest.server_digest[:12]
        return _json({"name": "lathe", "version": sources, "extensions": []})

    @app.get(model)
    @app.get(version)
    def metadata() -> Response:
        return _json(describe(manifest))

    @app.get(f"{model}/ready")
    @app.get(f"{version}/ready")
    def model_ready() -> Response:
        is_ready = state() == "ready"
        return _json(
            {"name": manifest.name, "ready": is_ready}, 200 if is_ready else 503
        )

    @cache
    def document() -> dict[str, Any]:
        return openapi(manifest, max_body_bytes=max_body_bytes)

    @app.get("/openapi.json")
    def openapi_json() -> Response:
        return _json(document())

    @app.get("/docs")
    def docs() -> Response:
        html = PAGE.read_bytes()
        return Response(
            html, headers=_policy(html), content_type="text/html; charset=utf-8"
        )

    exposition = Exposition(metrics)

    @app.get("/metrics")
    def prometheus() -> Response:
        body, content_type = exposition.encode(request.headers.get("Accept", ""))
        return Response(body, content_type=content_type)


def _json(body: Mapping[str, Any], status: int = 200) -> Response:
    text = json.dumps(body, separators=(",", ":"))
    return Response(text, status, content_type="application/json")


def _policy(html: bytes) -> dict[str, str]:
    """Only the page's own script and style, and only this server's answers."""
    script, style = (
        b64encode(sha256(_inside(html, tag)).digest()).decode()
        for tag in (b"script", b"style")
    )
    return {
        "Content-Security-Policy": "default-src 'none'; connect-src 'self';"
        f" script-src 'sha256-{script}'; style-src 'sha256-{style}';"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }


def _inside(html: bytes, tag: bytes) -> bytes:
    return html.partition(b"<%s>" % tag)[2].partition(b"</%s>" % tag)[0]
