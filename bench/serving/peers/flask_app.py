"""A model behind Flask, as a course teaches it: load at import, answer in the view."""

from __future__ import annotations

from flask import Flask, Response, jsonify, request

from bench.serving.peers.settings import load, read_settings


def create() -> Flask:
    app = Flask(__name__)
    classify = load(read_settings())
    classify(["warm up", "a somewhat longer message, to warm up once more"])

    @app.post("/predict")
    def predict() -> Response:
        answers = classify(request.get_json()["instances"])
        return jsonify(
            {"predictions": [{"label": label, "score": p} for label, p in answers]}
        )

    @app.get("/v2/health/ready")
    def ready() -> Response:
        return jsonify({"ready": True})

    return app
